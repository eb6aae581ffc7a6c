//! From files to checked values.
//!
//! | module | owns |
//! |---|---|
//! | [`tree`] | a YAML file as a tree with lines |
//! | [`substitution`] | `${VAR}` and `file:PATH` |
//! | [`place`] | where a value stands, noting problems |
//! | [`section`] | reading a tree key by key |
//! | [`suggestion`] | "did you mean" |
//! | [`scalar`] | durations, sizes, rates, counts, words |
//! | [`address`] | URLs, socket addresses, networks, hosts |
//! | [`redis_url`] | where Redis is |
//! | [`file`] | PEM files |
//! | [`text`] | files as text |

pub(crate) mod address;
pub(crate) mod file;
pub(crate) mod place;
pub(crate) mod redis_url;
pub(crate) mod scalar;
pub(crate) mod section;
pub(crate) mod substitution;
pub(crate) mod suggestion;
pub(crate) mod text;
pub(crate) mod tree;
