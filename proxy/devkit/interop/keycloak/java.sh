#!/bin/sh
# What Keycloak's start script takes for `java`: it ends with that script, however that ends.
exec setpriv --pdeathsig KILL java "$@"
