//! A certificate authority made on the spot, and a certificate of it for 127.0.0.1.

use std::path::PathBuf;

use tempfile::TempDir;

use crate::process::run;
use crate::repository::hermetic;

/// Files of one authority and of one server's certificate.
#[derive(Debug)]
pub struct Certificate {
    dir: TempDir,
}

impl Default for Certificate {
    fn default() -> Self {
        Self::new()
    }
}

impl Certificate {
    /// Makes both with openssl(1).
    ///
    /// # Panics
    /// When openssl cannot.
    #[must_use]
    pub fn new() -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let extensions = "subjectAltName=IP:127.0.0.1,DNS:localhost\nbasicConstraints=critical,CA:FALSE\n";
        std::fs::write(dir.path().join("server.ext"), extensions).expect("a new file");
        let openssl = |line: &str| {
            run(hermetic("openssl", dir.path()).current_dir(dir.path()).args(line.split(' ')));
        };
        let curve = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
        openssl(&format!(
            "req -x509 {curve} -keyout ca.key -out ca.pem -days 2 -subj /CN=test-authority \
             -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign"
        ));
        openssl(&format!("req {curve} -keyout server.key -out server.csr -subj /CN=test-server"));
        openssl(
            "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile server.ext \
             -out server.crt",
        );
        let file = |name: &str| std::fs::read_to_string(dir.path().join(name)).expect("openssl wrote it");
        std::fs::write(dir.path().join("server.pem"), file("server.key") + &file("server.crt"))
            .expect("a new file");
        Self { dir }
    }

    /// The authority's certificate, PEM.
    #[must_use]
    pub fn ca_file(&self) -> PathBuf {
        self.dir.path().join("ca.pem")
    }

    /// The server's key and certificate, PEM, in one file.
    #[must_use]
    pub fn server_file(&self) -> PathBuf {
        self.dir.path().join("server.pem")
    }
}
