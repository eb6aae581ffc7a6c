//! Other gateways: each configured as its own documentation advises for speed (load-tests/peers),
//! in the same run, before the same backend, with the same Redis and as many sessions.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::{Process, free_address};
use crate::stage::{Stage, Ticket};
use crate::target::Target;
use crate::{Outcome, certificate, tools};

/// Another gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Peer {
    /// nginx, plain.
    Nginx,
    /// HAProxy, plain.
    Haproxy,
    /// nginx with Lua and a look-up in Redis for each request.
    NginxLuaRedis,
    /// The same with the token kept for a second in shared memory.
    NginxLuaCache,
    /// oauth2-proxy with Redis.
    OauthProxy,
    /// Apache with mod_auth_openidc and Redis, each endpoint written out.
    OpenidcStatic,
    /// The same with a metadata URL.
    OpenidcMetadata,
}

impl Peer {
    /// All of them, in the order of the table.
    pub const ALL: [Self; 7] = [
        Self::Nginx,
        Self::Haproxy,
        Self::NginxLuaRedis,
        Self::NginxLuaCache,
        Self::OauthProxy,
        Self::OpenidcStatic,
        Self::OpenidcMetadata,
    ];

    /// Its name in table and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nginx => "nginx, plain",
            Self::Haproxy => "HAProxy, plain",
            Self::NginxLuaRedis => "nginx + Lua + Redis",
            Self::NginxLuaCache => "nginx + Lua + 1 s cache",
            Self::OauthProxy => "oauth2-proxy + Redis",
            Self::OpenidcStatic => "mod_auth_openidc + Redis",
            Self::OpenidcMetadata => "mod_auth_openidc, metadata",
        }
    }

    /// Whether it has a listener with TLS: those that are compared without a session.
    pub const fn speaks_tls(self) -> bool {
        match self {
            Self::Nginx | Self::Haproxy => true,
            Self::NginxLuaRedis
            | Self::NginxLuaCache
            | Self::OauthProxy
            | Self::OpenidcStatic
            | Self::OpenidcMetadata => false,
        }
    }

    /// Its program, a part of it that Debian has in another package, and the command that
    /// installs both.
    const fn needs(self) -> (&'static str, Option<&'static str>, &'static str) {
        match self {
            Self::Nginx => ("nginx", None, "apt-get install -y nginx-light"),
            Self::NginxLuaRedis | Self::NginxLuaCache => (
                "nginx",
                Some("/usr/lib/nginx/modules/ngx_http_lua_module.so"),
                "apt-get install -y nginx-light libnginx-mod-http-lua lua-nginx-redis",
            ),
            Self::Haproxy => ("haproxy", None, "apt-get install -y haproxy"),
            Self::OauthProxy => (
                "oauth2-proxy",
                None,
                "go install github.com/oauth2-proxy/oauth2-proxy/v7@v7.15.6",
            ),
            Self::OpenidcStatic | Self::OpenidcMetadata => (
                "apache2",
                Some("/usr/lib/apache2/modules/mod_auth_openidc.so"),
                "apt-get install -y apache2 libapache2-mod-auth-openidc",
            ),
        }
    }

    /// Where its program is.
    ///
    /// # Errors
    /// It is not installed; the text names the command that installs it.
    pub fn find(self) -> Outcome<PathBuf> {
        let (program, part, install) = self.needs();
        match part {
            Some(part) if !Path::new(part).exists() => {
                Err(format!("{part} is missing; install it: {install}").into())
            }
            Some(_) | None => tools::find((program, install)),
        }
    }

    fn template(self) -> String {
        let nginx = |parts: [(&str, &str); 4]| {
            let text = include_str!("../../peers/nginx.conf").to_owned();
            let fill = |text: String, (name, part): &(&str, &str)| text.replace(name, part);
            parts.iter().fold(text, fill)
        };
        let lua = |location| {
            nginx([
                (
                    "{{modules}}",
                    include_str!("../../peers/nginx-lua-modules.conf"),
                ),
                ("{{http}}", include_str!("../../peers/nginx-lua-http.conf")),
                ("{{location}}", location),
                ("{{tls}}", ""),
            ])
        };
        let plain = || {
            nginx([
                ("{{modules}}", ""),
                ("{{http}}", ""),
                ("{{location}}", ""),
                ("{{tls}}", include_str!("../../peers/nginx-tls.conf")),
            ])
        };
        let apache =
            |provider| include_str!("../../peers/apache.conf").replace("{{provider}}", provider);
        match self {
            Self::Nginx => plain(),
            Self::NginxLuaRedis => lua(include_str!("../../peers/nginx-lua-redis.conf")),
            Self::NginxLuaCache => lua(include_str!("../../peers/nginx-lua-cache.conf")),
            Self::Haproxy => include_str!("../../peers/haproxy.cfg").to_owned(),
            Self::OauthProxy => include_str!("../../peers/oauth2-proxy.cfg").to_owned(),
            Self::OpenidcStatic => apache(include_str!("../../peers/apache-static.conf")),
            Self::OpenidcMetadata => apache(include_str!("../../peers/apache-metadata.conf")),
        }
    }

    fn arguments(self, configuration: &Path) -> Vec<String> {
        let file = configuration.to_string_lossy().into_owned();
        let words: &[&str] = match self {
            Self::Nginx | Self::NginxLuaRedis | Self::NginxLuaCache => &["-c"],
            Self::Haproxy => &["-db", "-f"],
            Self::OauthProxy => &["--config"],
            Self::OpenidcStatic | Self::OpenidcMetadata => &["-DFOREGROUND", "-f"],
        };
        let words = words.iter().map(|word| (*word).to_owned());
        words.chain([file]).collect()
    }

    /// How users log in there.
    const fn login(self) -> Login {
        match self {
            Self::Nginx | Self::Haproxy => Login::None,
            Self::NginxLuaRedis | Self::NginxLuaCache => Login::Shared,
            Self::OauthProxy | Self::OpenidcStatic | Self::OpenidcMetadata => Login::Own,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Login {
    /// Not at all.
    None,
    /// The gateway's own sessions, their tokens copied to plain keys in Redis.
    Shared,
    /// A real login at the development provider.
    Own,
}

/// A running peer.
pub struct Running {
    /// Which one.
    pub peer: Peer,
    /// Its process.
    pub target: Target,
    /// Who has logged in, and what they send.
    pub tickets: Vec<Ticket>,
}

impl Running {
    /// Starts a peer, and logs users in there; `shared` are the gateway's own sessions.
    ///
    /// # Errors
    /// It is not installed, does not start, or takes no login.
    pub fn start(stage: &Stage, peer: Peer, shared: &[Ticket]) -> Outcome<Self> {
        let program = peer.find()?;
        let address = free_address()?;
        let tls = match peer.speaks_tls() {
            true => free_address()?,
            false => address,
        };
        let folder = stage.path().join(format!("peer-{}", address.port()));
        std::fs::create_dir_all(&folder)?;
        let configuration = folder.join("configuration");
        std::fs::write(
            &configuration,
            fill(&peer.template(), stage, [address, tls], &folder),
        )?;
        let mut command = Command::new(program);
        command
            .args(peer.arguments(&configuration))
            .current_dir(&folder);
        let mut process = Process::start(peer.name(), &mut command, &folder.join("log"))?;
        let listening = process.listens(address).and_then(|()| process.listens(tls));
        listening.map_err(|error| {
            let log = std::fs::read_to_string(folder.join("log")).unwrap_or_default();
            format!("{error}\n{log}")
        })?;
        let target = Target {
            process,
            address,
            tls,
            admin: None,
        };
        let tickets = match peer.login() {
            Login::None | Login::Shared => shared.to_vec(),
            Login::Own => stage.log_in_elsewhere(&target.url(), shared.len())?,
        };
        let running = Self {
            peer,
            target,
            tickets,
        };
        running.check()?;
        Ok(running)
    }

    /// Checks that the token which reaches the backend is the right user's.
    ///
    /// # Errors
    /// It is not.
    pub fn check(&self) -> Outcome<()> {
        if self.peer.login() == Login::None {
            return Ok(());
        }
        let two = self.tickets.get(..2).unwrap_or(&self.tickets);
        self.target
            .check_users(two)
            .map_err(|error| format!("{}: {error}", self.peer.name()).into())
    }
}

fn fill(template: &str, stage: &Stage, [address, tls]: [SocketAddr; 2], folder: &Path) -> String {
    let certificate = stage.path().join(certificate::BOTH);
    let cores = tokenbridge_bare::shape::cores();
    let redis = stage.redis.address();
    [
        ("{{listen}}", address.to_string()),
        ("{{listen_tls}}", tls.to_string()),
        (
            "{{certificate}}",
            certificate.to_string_lossy().into_owned(),
        ),
        ("{{port}}", address.port().to_string()),
        ("{{upstream}}", stage.backend.address().to_string()),
        ("{{issuer}}", stage.issuer().to_owned()),
        ("{{secure_issuer}}", stage.secure_issuer()),
        ("{{redis_host}}", redis.ip().to_string()),
        ("{{redis_port}}", redis.port().to_string()),
        ("{{folder}}", folder.to_string_lossy().into_owned()),
        ("{{cores}}", cores.to_string()),
        ("{{threads}}", (64 * cores).to_string()),
    ]
    .iter()
    .fold(template.to_owned(), |text, (name, value)| {
        text.replace(name, value)
    })
}
