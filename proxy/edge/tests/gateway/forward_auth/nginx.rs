//! A real nginx asks, with the documentation's configuration.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tokenbridge_devkit::BrowserSession;
use tokenbridge_devkit::browser::BrowserRequest;

use super::Asking;
use crate::support::free_port;

/// An nginx with the documentation's configuration.
struct Nginx {
    child: Child,
    _folder: TempDir,
    port: u16,
}

impl Nginx {
    async fn start(asking: &Asking) -> Self {
        let (folder, port) = (TempDir::new().unwrap(), free_port());
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/forward-auth.md");
        let page = std::fs::read_to_string(page).unwrap();
        let server = page.split("```nginx\n").nth(1).unwrap();
        let server = server.split("```").next().unwrap();
        let gateway = asking.installation.folder.public_url();
        let server = server
            .replace("10.0.0.2:9902", &format!("127.0.0.1:{}", asking.port))
            .replace("http://10.0.0.2:8080", gateway)
            .replace("http://10.0.0.9:8101", &asking.installation.crud.url())
            .replace("listen 443 ssl;", &format!("listen 127.0.0.1:{port};"))
            .replace("app.example.com", "localhost");
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("{name}_temp_path {name};\n"))
            .concat();
        let text = format!(
            "daemon off; pid nginx.pid; error_log stderr;\nevents {{}}\n\
             http {{ access_log off;\n{temporary}{server}}}\n"
        );
        std::fs::write(folder.path().join("nginx.conf"), text).unwrap();
        let child = Command::new("nginx")
            .env("PATH", "/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
            .args(["-p", folder.path().to_str().unwrap(), "-c", "nginx.conf"])
            .args(["-e", "stderr"])
            .stdin(Stdio::null())
            .spawn()
            .expect("nginx is installed by `make test`");
        let nginx = Self {
            child,
            _folder: folder,
            port,
        };
        for _ in 0..500 {
            if tokio::net::TcpStream::connect(("127.0.0.1", port))
                .await
                .is_ok()
            {
                return nginx;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("nginx does not listen");
    }

    fn url(&self, path: &str) -> String {
        format!("http://localhost:{}{path}", self.port)
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // Its workers end with it on this signal alone.
        let _ = Command::new("kill")
            .args(["-TERM", &self.child.id().to_string()])
            .status();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nginx_lets_pass_what_the_gateway_lets_pass_and_sends_the_rest_to_the_login() {
    let asking = Asking::start("127.0.0.1").await;
    let nginx = Nginx::start(&asking).await;
    let echo = "/api/v1/crud/echo";
    let stranger = BrowserSession::new().unwrap();
    let refused = stranger.fetch(BrowserRequest::get(nginx.url(echo))).await;
    assert_eq!(refused.unwrap().status, 401);
    let to_login = stranger.open(&nginx.url(echo)).await.unwrap();
    assert_eq!(to_login.status, 303);
    let location = to_login.header("location").unwrap();
    assert!(location.ends_with("/auth/login?return_to=%2Fapi%2Fv1%2Fcrud%2Fecho"));
    // Cookies do not know ports, so the gateway's own login serves nginx as well.
    let browser = asking.installation.logged_in("alice").await;
    let forged = [
        ("authorization", "Bearer forged"),
        ("x-user-subject", "root"),
    ];
    let mut request = BrowserRequest::get(nginx.url(&format!("{echo}?a=1")));
    for (name, value) in forged {
        request = request.header(name.parse().unwrap(), value.parse().unwrap());
    }
    let page = browser.fetch(request).await.unwrap();
    assert_eq!(page.status, 200, "{}", page.text());
    let seen: Value = page.json().unwrap();
    assert_eq!(seen["sub"], "alice");
    assert_eq!(seen["target"], "/api/v1/crud/echo?a=1");
    let headers = seen["headers"].to_string();
    assert!(
        headers.contains("[\"x-user-subject\",\"alice\"]"),
        "{headers}"
    );
    assert!(!headers.contains("forged") && !headers.contains("bff_session"));
    let write = BrowserRequest::post(nginx.url(echo));
    let forbidden = browser.fetch(write.from_origin(asking.installation.folder.public_url()));
    assert_eq!(forbidden.await.unwrap().status, 403, "no CSRF token");
}
