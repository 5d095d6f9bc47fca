//! A server that is reached by TLS, with certificates made for the occasion.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

use super::{RedisServer, binary, free_port};

/// A server with a TLS port, which asks for a certificate of the client's if so told, and with a
/// user `cache` whose password is `secret` and who may use keys below `arc:` and `t`.
pub(crate) struct TlsServer {
    pub(crate) plain: RedisServer,
    port: u16,
    authority: Authority,
    _files: tempfile::TempDir,
}

/// Who signs certificates.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(crate) fn new() -> Self {
        let mut parameters = CertificateParams::new([]).expect("no names");
        // a certificate with the name of its issuer would count as signed by itself
        parameters.distinguished_name.push(DnType::CommonName, "an authority");
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        Self(CertifiedIssuer::self_signed(parameters, key).expect("a certificate"))
    }

    /// The authority's certificate.
    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate for 127.0.0.1 and its key.
    pub(crate) fn sign(&self) -> [String; 2] {
        let key = KeyPair::generate().expect("a key");
        let parameters = CertificateParams::new(["127.0.0.1".to_owned()]).expect("a name");
        let certificate = parameters.signed_by(&key, &self.0).expect("a certificate");
        [certificate.pem(), key.serialize_pem()]
    }
}

impl TlsServer {
    pub(crate) fn start(asks_clients: bool) -> Self {
        let authority = Authority::new();
        let files = tempfile::tempdir().expect("a temporary directory");
        let [certificate, key] = authority.sign();
        let write = |name: &str, text: String| {
            let path = files.path().join(name);
            std::fs::write(&path, text).expect("written");
            path.display().to_string()
        };
        let paths = [
            write("server.pem", certificate),
            write("server.key", key),
            write("ca.pem", authority.pem()),
        ];
        let [certificate, key, ca] = paths.each_ref().map(String::as_str);
        for _ in 0..20 {
            let (plain, port) = (free_port(), free_port());
            let asks = if asks_clients { "yes" } else { "no" };
            let arguments = [
                "--tls-port",
                &port.to_string(),
                "--tls-cert-file",
                certificate,
                "--tls-key-file",
                key,
                "--tls-ca-cert-file",
                ca,
                "--tls-auth-clients",
                asks,
            ];
            let arguments = arguments.map(str::to_owned).to_vec();
            if let Some(plain) = RedisServer::start_at(plain, arguments) {
                let () = plain.command(&[
                    "ACL", "SETUSER", "cache", "on", ">secret", "~arc:*", "~t*", "+@all",
                ]);
                return Self { plain, port, authority, _files: files };
            }
        }
        panic!("{} did not start with TLS; was it built with it?", binary().display());
    }

    /// The URL for TLS, with a password.
    pub(crate) fn url(&self, password: &str) -> String {
        format!("rediss://cache:{password}@127.0.0.1:{}", self.port)
    }

    /// Who signed the server's certificate.
    pub(crate) fn authority(&self) -> &Authority {
        &self.authority
    }
}
