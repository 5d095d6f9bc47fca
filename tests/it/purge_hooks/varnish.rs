//! The example `cdn_in_front` behind a real Varnish: what the application purges, Varnish forgets.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::support::{
    client::{Answer, Client, get, request},
    until_async,
};

/// A process that is killed with its value.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // it may have ended by itself
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The example, and a Varnish before it.
struct Site {
    _application: Process,
    varnish: Process,
    address: SocketAddr,
    _directory: TempDir,
}

impl Site {
    fn start() -> Self {
        // a free port may be taken by another test before Varnish has it
        (0..5).find_map(|_| Self::start_at(free_address())).expect("varnishd starts")
    }

    fn start_at(address: SocketAddr) -> Option<Self> {
        let (application, listening) = application(address);
        let directory = tempfile::tempdir().expect("a temporary directory");
        let source =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/cdn_in_front/varnish.vcl");
        let vcl = fs::read_to_string(source).expect("the VCL of the example");
        let port = format!(".port = \"{}\"", listening.port());
        let vcl = vcl.replace(".port = \"8080\"", &port);
        let file = directory.path().join("varnish.vcl");
        fs::write(&file, vcl).expect("a file");
        let varnish = varnish(address, &file, directory.path())?;
        Some(Self { _application: application, varnish, address, _directory: directory })
    }

    async fn send(&self, method: &str, path: &str) -> Answer {
        let mut client = Client::connect(self.address).await;
        client.send(request(method, path, &[("content-length", "0")])).await.expect("an answer")
    }

    async fn get(&self, path: &str) -> Answer {
        let mut client = Client::connect(self.address).await;
        client.send(get(path, &[])).await.expect("an answer")
    }

    /// Asserts that Varnish has the response.
    async fn serves(&self, path: &str, expected: &Answer) {
        let answer = self.get(path).await;
        assert_eq!(answer.text(), expected.text());
        assert!(answer.field("x-varnish").contains(' '), "it comes from Varnish: {answer:?}");
    }

    /// Asserts that Varnish has it no more.
    async fn asks_again(&self, path: &str) {
        let answer = self.get(path).await;
        assert!(
            !answer.field("x-varnish").contains(' '),
            "it comes from the application: {answer:?}"
        );
    }

    /// Waits until Varnish has forgotten the response.
    async fn forgets(&self, path: &str, old: &Answer) {
        until_async("Varnish forgets it", async || self.get(path).await.text() != old.text()).await;
    }
}

/// `target/debug/deps/it-…` stands beside `target/debug/examples`.
fn application(varnish: SocketAddr) -> (Process, SocketAddr) {
    let test = std::env::current_exe().expect("a path");
    let program: PathBuf = test.ancestors().nth(2).expect("a folder").join("examples/cdn_in_front");
    assert!(program.is_file(), "build it first: cargo build --example cdn_in_front");
    let mut child = Command::new(program)
        .args(["127.0.0.1:0", &format!("http://{varnish}")])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the example starts");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
    let address = line.trim().strip_prefix("listening on http://").expect("an address");
    (Process(child), address.parse().expect("an address"))
}

/// `varnishd` once it answers; `None` where it ends, as when its port is taken.
fn varnish(address: SocketAddr, vcl: &Path, directory: &Path) -> Option<Process> {
    let program = std::env::var_os("VARNISHD_BIN").unwrap_or_else(|| "varnishd".into());
    let child = Command::new(&program)
        .args(["-F", "-j", "none", "-s", "malloc,16m", "-a", &address.to_string()])
        .arg("-f")
        .arg(vcl)
        .arg("-n")
        .arg(directory.join("varnish"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| {
            panic!("{}: {error}: install Varnish, as tests/run.sh does", program.display())
        });
    let mut process = Process(child);
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(60) {
        if process.0.try_wait().expect("a status").is_some() {
            return None;
        }
        if TcpStream::connect(address).is_ok() {
            return Some(process);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    None
}

fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("its address")
}

#[actix_rt::test]
async fn varnish_forgets_what_the_application_purges() {
    let mut site = Site::start();
    let (prices, other) = (site.get("/prices").await, site.get("/other?page=1").await);
    assert_eq!(prices.field("xkey"), "", "groups are for Varnish, and not for clients");
    site.serves("/prices", &prices).await;
    site.serves("/other?page=1", &other).await;
    // an unsafe request purges its path, through all
    assert_eq!(site.send("POST", "/prices").await.status, 200);
    site.forgets("/prices", &prices).await;
    site.serves("/other?page=1", &other).await;
    assert_eq!(site.send("POST", "/other").await.status, 200);
    site.forgets("/other?page=1", &other).await;
    assert!(site.varnish.0.try_wait().expect("a status").is_none(), "it still runs");
}

#[actix_rt::test]
async fn varnish_knows_responses_by_their_groups() {
    let site = Site::start();
    let (prices, other) = (site.get("/prices").await, site.get("/other").await);
    let ban = |kind: &'static str, named: &'static str| {
        let request = request("BAN", "/", &[(kind, named)]);
        async move { Client::connect(site.address).await.send(request).await.expect("an answer").status }
    };
    assert_eq!(ban("x-ban-groups", "product").await, 200);
    assert_eq!(ban("x-ban-groups", "s.prices product-7").await, 200);
    assert_eq!(ban("x-ban-path", "/price").await, 200);
    assert_eq!(ban("x-ban-prefix", "/othe").await, 200);
    let site = &site;
    site.serves("/prices", &prices).await;
    site.serves("/other", &other).await;
    assert_eq!(ban("x-ban-groups", "others products").await, 200);
    site.asks_again("/prices").await;
    site.serves("/other", &other).await;
    assert_eq!(ban("x-ban-prefix", "/").await, 200);
    site.asks_again("/other").await;
}
