//! A server that is reached by TLS, with certificates made for the occasion.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

use super::{RedisServer, binary, free_port};

/// A server with a TLS port, which may require a certificate of the client, and with a
/// user `cache` whose password is `secret` and who may use keys below `arc:` and `t`.
pub struct TlsServer {
    pub plain: RedisServer,
    certificates: Certificates,
}

/// A certificate of a server and who signed it, as files.
pub struct Certificates {
    authority: Authority,
    files: tempfile::TempDir,
}

/// Who signs certificates.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub fn new() -> Self {
        let mut parameters = CertificateParams::new([]).expect("no names");
        // a certificate with the name of its issuer would count as signed by itself
        parameters.distinguished_name.push(DnType::CommonName, "an authority");
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        Self(CertifiedIssuer::self_signed(parameters, key).expect("a certificate"))
    }

    /// The authority's certificate.
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate for 127.0.0.1 and its key.
    pub fn sign(&self) -> [String; 2] {
        let key = KeyPair::generate().expect("a key");
        let parameters = CertificateParams::new(["127.0.0.1".to_owned()]).expect("a name");
        let certificate = parameters.signed_by(&key, &self.0).expect("a certificate");
        [certificate.pem(), key.serialize_pem()]
    }
}

impl Certificates {
    pub fn new() -> Self {
        let authority = Authority::new();
        let files = tempfile::tempdir().expect("a temporary directory");
        let [certificate, key] = authority.sign();
        for (name, text) in
            [("server.pem", certificate), ("server.key", key), ("ca.pem", authority.pem())]
        {
            std::fs::write(files.path().join(name), text).expect("written");
        }
        Self { authority, files }
    }

    /// The settings of a server with these certificates and this port for TLS: names and values.
    pub fn settings(&self, port: u16, asks_clients: bool) -> [(&'static str, String); 5] {
        let path = |name: &str| self.files.path().join(name).display().to_string();
        let asks = if asks_clients { "yes" } else { "no" };
        [
            ("tls-port", port.to_string()),
            ("tls-cert-file", path("server.pem")),
            ("tls-key-file", path("server.key")),
            ("tls-ca-cert-file", path("ca.pem")),
            ("tls-auth-clients", asks.to_owned()),
        ]
    }

    /// [`settings`](Self::settings) as arguments, with a free port.
    pub fn arguments(&self, asks_clients: bool) -> Vec<String> {
        let settings = self.settings(free_port(), asks_clients);
        settings.into_iter().flat_map(|(name, value)| [format!("--{name}"), value]).collect()
    }

    pub fn authority(&self) -> &Authority {
        &self.authority
    }
}

impl TlsServer {
    pub fn start(asks_clients: bool) -> Self {
        let certificates = Certificates::new();
        for _ in 0..20 {
            let arguments = certificates.arguments(asks_clients);
            if let Some(plain) = RedisServer::start_at(free_port(), arguments) {
                let () = plain.command(&[
                    "ACL", "SETUSER", "cache", "on", ">secret", "~arc:*", "~t*", "+@all",
                ]);
                return Self { plain, certificates };
            }
        }
        panic!("{} did not start with TLS; was it built with it?", binary().display());
    }

    /// The URL for TLS, with a password.
    pub fn url(&self, password: &str) -> String {
        format!("rediss://cache:{password}@127.0.0.1:{}", self.plain.main_port())
    }

    /// Who signed the server's certificate.
    pub fn authority(&self) -> &Authority {
        self.certificates.authority()
    }
}
