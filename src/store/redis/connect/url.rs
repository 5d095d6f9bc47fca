//! URLs of Redis servers, read without connecting to anything.

use std::fmt;

use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo as _};

/// Something about the servers that cannot be used: which setting it is in, and what is wrong.
/// Its text never contains a password.
#[derive(Debug)]
pub(crate) struct ServersError {
    pub(crate) setting: &'static str,
    problem: String,
}

impl ServersError {
    pub(in crate::store::redis) fn new(setting: &'static str, problem: impl Into<String>) -> Self {
        Self { setting, problem: problem.into() }
    }
}

impl fmt::Display for ServersError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problem)
    }
}

impl std::error::Error for ServersError {}

/// Where a URL leads; `setting` is what it was given to.
pub(super) fn read(setting: &'static str, url: &str) -> Result<ConnectionInfo, ServersError> {
    let refused = |what: &str| ServersError::new(setting, format!("not a Redis URL: {what}"));
    let forms = "redis[s]://[user:password@]host[:port][/database] or redis+unix:///path";
    match url.split_once("://").map(|(scheme, _)| scheme) {
        Some("rediss" | "valkeys") if cfg!(not(feature = "redis-tls")) => {
            let problem = "TLS to Redis (rediss://) needs the feature `redis-tls` of this crate";
            return Err(ServersError::new(setting, problem));
        }
        Some("unix" | "redis+unix" | "valkey+unix") if cfg!(not(unix)) => {
            let problem = "sockets in the file system are for Unix; use redis://host:port";
            return Err(ServersError::new(setting, problem));
        }
        Some("redis" | "valkey" | "rediss" | "valkeys" | "unix" | "redis+unix" | "valkey+unix") => {
        }
        _ => return Err(refused(&format!("expected {forms}"))),
    }
    let parsed = redis::parse_redis_url(url);
    let parsed = parsed.ok_or_else(|| refused(&format!("it cannot be read as {forms}")))?;
    // of the crate's messages only the constant ones: none repeats a part of the URL
    let info = parsed.into_connection_info().map_err(|error| {
        refused(match error.to_string() {
            text if text.contains("hostname") => "the host is missing",
            text if text.contains("wildcard") => "a wildcard address cannot be connected to",
            text if text.contains("database") => "the database is not a number",
            text if text.contains("protocol") => "the protocol is neither 2 nor 3",
            text if text.contains("path") => "the path of the socket is missing",
            _ => "user or password cannot be decoded",
        })
    })?;
    match info.addr() {
        ConnectionAddr::TcpTls { insecure: true, .. } => {
            Err(refused("`#insecure` would trust any server; set `Redis::ca` instead"))
        }
        _ => Ok(info),
    }
}

/// The same kind of server at another address, with the same trust.
#[cfg(any(feature = "redis-cluster", feature = "redis-sentinel"))]
pub(super) fn moved(like: &ConnectionInfo, host: String, port: u16) -> ConnectionInfo {
    let address = match like.addr() {
        ConnectionAddr::TcpTls { insecure, tls_params, .. } => {
            let (insecure, tls_params) = (*insecure, tls_params.clone());
            ConnectionAddr::TcpTls { host, port, insecure, tls_params }
        }
        _ => ConnectionAddr::Tcp(host, port),
    };
    like.clone().set_addr(address)
}

/// Where the URLs of several servers lead.
#[cfg(any(feature = "redis-cluster", feature = "redis-sentinel"))]
pub(super) fn read_all(
    setting: &'static str,
    urls: &[String],
) -> Result<Vec<ConnectionInfo>, ServersError> {
    if urls.is_empty() {
        return Err(ServersError::new(setting, "no URL is given"));
    }
    let infos = urls.iter().map(|url| read(setting, url)).collect::<Result<Vec<_>, _>>()?;
    if infos.iter().any(|info| matches!(info.addr(), ConnectionAddr::Unix(_))) {
        return Err(ServersError::new(
            setting,
            "servers of which there are several have no socket",
        ));
    }
    Ok(infos)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_checked_without_connecting() {
        for url in [
            "redis://127.0.0.1",
            "redis://user:p%40ss@host.example:6380/3",
            "redis://:pass@[::1]:6379",
            "valkey://host",
        ] {
            assert!(read("redis", url).is_ok(), "{url}");
        }
        let socket = "redis+unix:///run/redis.sock?db=1&pass=x";
        assert_eq!(read("redis", socket).is_ok(), cfg!(unix), "{socket}");
        for url in ["rediss://user:pass@host:6390/1", "valkeys://host"] {
            assert_eq!(read("redis", url).is_ok(), cfg!(feature = "redis-tls"), "{url}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_without_the_password() {
        for (url, what) in [
            ("", "expected redis[s]://"),
            ("hunter2", "expected redis[s]://"),
            ("http://u:hunter2@h", "expected redis[s]://"),
            ("redis://u:hunter2@h:port", "cannot be read"),
            ("redis://u:hunter2@", "cannot be read"),
            ("redis://u:hunter2@0.0.0.0", "wildcard"),
            ("redis://u:hunter2@h/x", "database"),
            ("redis://u:hunter2@h?protocol=hunter2", "protocol"),
            ("redis://u:hunter2%ff@h", "decoded"),
            #[cfg(not(unix))]
            ("redis+unix:///run/redis.sock?pass=hunter2", "Unix"),
            #[cfg(not(feature = "redis-tls"))]
            ("rediss://u:hunter2@h", "`redis-tls`"),
            #[cfg(feature = "redis-tls")]
            ("rediss://u:hunter2@h/#insecure", "Redis::ca"),
        ] {
            let error = read("redis", url).expect_err(url).to_string();
            assert!(error.contains(what), "{url}: {error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
