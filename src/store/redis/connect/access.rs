//! How servers are to be spoken to, where their URLs do not say: login, and trust for TLS.

use std::fmt;

use redis::{Client, ConnectionInfo, RedisConnectionInfo};

use super::url::ServersError;

/// What was set apart from the servers' URLs.
#[derive(Clone, Default)]
pub(crate) struct Access {
    /// User and password of the servers.
    pub(crate) login: Option<(String, String)>,
    /// Certificates of authorities in PEM, in place of the system's.
    #[cfg(feature = "redis-tls")]
    pub(crate) ca: Option<Vec<u8>>,
    /// The client's own certificates and key in PEM.
    #[cfg(feature = "redis-tls")]
    pub(crate) certificate: Option<(Vec<u8>, Vec<u8>)>,
}

/// Tells what is set, and none of it.
impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access").field("login", &self.login.is_some()).finish_non_exhaustive()
    }
}

impl Access {
    /// A client for a server at this address.
    pub(super) fn client(&self, info: ConnectionInfo) -> Result<Client, ServersError> {
        let info = self.logged_in(info);
        #[cfg(feature = "redis-tls")]
        if let Some(certificates) = self.certificates(&info)? {
            return Client::build_with_tls(info, certificates).map_err(|_| unreadable());
        }
        // an address that was read cannot be refused
        Client::open(info).map_err(|_| ServersError::new("redis", "not an address"))
    }

    /// The address with the login that was set for servers.
    pub(super) fn logged_in(&self, info: ConnectionInfo) -> ConnectionInfo {
        let Some((user, password)) = &self.login else { return info };
        let settings = info.redis_settings();
        let login = RedisConnectionInfo::default()
            .set_db(settings.db())
            .set_protocol(settings.protocol())
            .set_password(password);
        let login = if user.is_empty() { login } else { login.set_username(user) };
        info.set_redis_settings(login)
    }

    /// `client`, where nothing is set: it brings its own.
    pub(super) fn none<T>(&self, client: T) -> Result<T, ServersError> {
        let own = |setting| {
            Err(ServersError::new(setting, "a client of the `redis` crate brings its own"))
        };
        if self.login.is_some() {
            return own("Redis::credentials");
        }
        #[cfg(feature = "redis-tls")]
        if let Some(setting) = self.tls_setting() {
            return own(setting);
        }
        Ok(client)
    }

    #[cfg(feature = "redis-tls")]
    fn tls_setting(&self) -> Option<&'static str> {
        let ca = self.ca.is_some().then_some("Redis::ca");
        ca.or(self.certificate.is_some().then_some("Redis::client_certificate"))
    }

    /// What to trust and to show at this address, where anything is set; and makes sure that there
    /// is a crypto provider.
    #[cfg(feature = "redis-tls")]
    pub(super) fn certificates(
        &self,
        info: &ConnectionInfo,
    ) -> Result<Option<redis::TlsCertificates>, ServersError> {
        let is_tls = matches!(info.addr(), redis::ConnectionAddr::TcpTls { .. });
        let Some(setting) = self.tls_setting() else {
            if is_tls {
                provide_crypto();
            }
            return Ok(None);
        };
        if !is_tls {
            let problem = "the connection is without TLS: its URL does not begin with `rediss://`";
            return Err(ServersError::new(setting, problem));
        }
        provide_crypto();
        if self.ca.as_deref().is_some_and(|pem| !are_authorities(pem)) {
            let problem = "it cannot be read as certificates of authorities in PEM";
            return Err(ServersError::new("Redis::ca", problem));
        }
        let client_tls = self.certificate.clone();
        let client_tls = client_tls
            .map(|(client_cert, client_key)| redis::ClientTlsConfig { client_cert, client_key });
        Ok(Some(redis::TlsCertificates { client_tls, root_cert: self.ca.clone() }))
    }
}

/// What is left to be wrong once the authorities have been read; the crate's message is not
/// repeated.
#[cfg(feature = "redis-tls")]
pub(super) fn unreadable() -> ServersError {
    ServersError::new("Redis::client_certificate", "the certificate or the key cannot be read")
}

#[cfg(feature = "redis-tls")]
fn are_authorities(pem: &[u8]) -> bool {
    use rustls::{
        RootCertStore,
        pki_types::{CertificateDer, pem::PemObject as _},
    };
    let mut store = RootCertStore::empty();
    let mut read = CertificateDer::pem_slice_iter(pem);
    read.all(|certificate| certificate.is_ok_and(|certificate| store.add(certificate).is_ok()))
        && !store.is_empty()
}

/// Without a provider for the process, rustls would take the only one that was compiled in, and
/// panic where there are several.
#[cfg(feature = "redis-tls")]
fn provide_crypto() {
    use rustls::crypto::{CryptoProvider, ring};
    if CryptoProvider::get_default().is_none() {
        // an error means that another thread was first
        drop(ring::default_provider().install_default());
    }
}
