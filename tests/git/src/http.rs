//! lighttpd with `git http-backend` (git-http-backend(1)), with and without TLS and passwords.

use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::certificate::Certificate;
use crate::process::{Server, free_listener};

/// Where Debian has it.
const BACKEND: &str = "/usr/lib/git-core/git-http-backend";

/// A web server over a folder of repositories.
#[derive(Debug)]
pub struct HttpServer {
    _process: Server,
    dir: TempDir,
    address: SocketAddr,
    certificate: Option<Certificate>,
}

impl HttpServer {
    /// Serves over http, to everybody.
    ///
    /// # Panics
    /// When lighttpd cannot be started.
    #[must_use]
    pub fn start(root: &Path) -> Self {
        Self::serve(root, free_listener(), None, false)
    }

    /// Serves over http, to everybody, on a socket that listens already: in another network namespace, for example.
    ///
    /// # Panics
    /// When lighttpd cannot be started.
    #[must_use]
    pub fn start_on(root: &Path, listener: TcpListener) -> Self {
        Self::serve(root, listener, None, false)
    }

    /// Serves over https with a certificate of its own authority.
    ///
    /// # Panics
    /// When lighttpd cannot be started.
    #[must_use]
    pub fn start_tls(root: &Path) -> Self {
        Self::serve(root, free_listener(), Some(Certificate::new()), false)
    }

    /// The same, and passes what is below `/repos/` on to this address, which speaks plain http.
    ///
    /// # Panics
    /// When lighttpd cannot be started.
    #[must_use]
    pub fn start_tls_before(root: &Path, forge: SocketAddr) -> Self {
        let more = format!(
            "server.modules += (\"mod_proxy\")\n\
             $HTTP[\"url\"] =~ \"^/repos/\" {{ proxy.server = (\"\" => ((\"host\" => \"{}\", \"port\" => {}))) }}\n",
            forge.ip(),
            forge.port()
        );
        Self::serve_with(root, free_listener(), Some(Certificate::new()), false, &more)
    }

    /// Serves over http to user `x-access-token` with this password; [`Self::set_password`] changes it.
    ///
    /// # Panics
    /// When lighttpd cannot be started.
    #[must_use]
    pub fn start_private(root: &Path, password: &str) -> Self {
        let server = Self::serve(root, free_listener(), None, true);
        server.set_password(password);
        server
    }

    /// Changes the password of a private server; counts from the next request on.
    ///
    /// # Panics
    /// When it cannot be stored.
    pub fn set_password(&self, password: &str) {
        let path = self.dir.path().join("passwords");
        std::fs::write(path, format!("x-access-token:{password}\n")).expect("a new file");
    }

    /// URL of the repository of this name.
    #[must_use]
    pub fn url(&self, name: &str) -> String {
        format!("{}/git/{name}", self.root_url())
    }

    /// URL of its root.
    #[must_use]
    pub fn root_url(&self) -> String {
        let scheme = if self.certificate.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// Its port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.address.port()
    }

    /// The authority of a server with TLS.
    #[must_use]
    pub fn ca_file(&self) -> Option<PathBuf> {
        self.certificate.as_ref().map(Certificate::ca_file)
    }

    /// Each request that was served, one line each: time, method, path, status.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("access.log")).unwrap_or_default()
    }

    fn serve(root: &Path, listener: TcpListener, certificate: Option<Certificate>, private: bool) -> Self {
        Self::serve_with(root, listener, certificate, private, "")
    }

    fn serve_with(
        root: &Path,
        listener: TcpListener,
        certificate: Option<Certificate>,
        private: bool,
        more: &str,
    ) -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let address = listener.local_addr().expect("a bound socket has an address");
        let config = config(root, dir.path(), address, certificate.as_ref(), private) + more;
        let config_file = dir.path().join("lighttpd.conf");
        std::fs::write(&config_file, config).expect("a new file");
        // The listening socket is handed over as systemd does it: sd_listen_fds(3).
        let mut command = Command::new("sh");
        command
            .args([
                "-c",
                "exec 3<&0 0</dev/null; LISTEN_PID=$$ LISTEN_FDS=1 exec lighttpd -D -f \"$1\"",
                "sh",
            ])
            .arg(&config_file)
            .env("PATH", format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default()))
            .stdin(Stdio::from(OwnedFd::from(listener)));
        Self { _process: Server::start(&mut command), dir, address, certificate }
    }
}

fn config(
    root: &Path,
    dir: &Path,
    address: SocketAddr,
    certificate: Option<&Certificate>,
    private: bool,
) -> String {
    let (root, dir, ip, port) = (root.display(), dir.display(), address.ip(), address.port());
    let mut text = format!(
        r#"
server.modules = ("mod_auth", "mod_authn_file", "mod_accesslog", "mod_alias", "mod_setenv", "mod_cgi")
server.document-root = "{dir}"
server.bind = "{ip}"
server.port = {port}
server.systemd-socket-activation = "enable"
server.errorlog = "{dir}/error.log"
server.upload-dirs = ("{dir}")
server.stream-response-body = 1
server.max-keep-alive-idle = 300
accesslog.filename = "{dir}/access.log"
accesslog.format = "%r %>s %b"
alias.url = ("/git" => "{BACKEND}")
$HTTP["url"] =~ "^/git/" {{
    cgi.assign = ("" => "")
    setenv.set-environment = (
        "GIT_PROJECT_ROOT" => "{root}", "GIT_HTTP_EXPORT_ALL" => "1",
        "GIT_CONFIG_NOSYSTEM" => "1", "HOME" => "{dir}",
    )
}}
"#
    );
    if let Some(certificate) = certificate {
        text += &format!(
            "server.modules += (\"mod_openssl\")\nssl.engine = \"enable\"\nssl.pemfile = \"{}\"\n",
            certificate.server_file().display()
        );
    }
    if private {
        text += &format!(
            "auth.backend = \"plain\"\nauth.backend.plain.userfile = \"{dir}/passwords\"\n\
             auth.require = (\"/git/\" => (\"method\" => \"basic\", \"realm\" => \"git\", \"require\" => \"valid-user\"))\n"
        );
    }
    text
}
