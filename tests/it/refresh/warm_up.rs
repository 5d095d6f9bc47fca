//! The example `warm_up` as a process: what was stored when it ended is stored again when it has started.

use std::{
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
};

use crate::support::client::{Answer, Client, get};

struct Server {
    process: Child,
    says: BufReader<ChildStdout>,
    address: SocketAddr,
}

impl Server {
    fn start(file: &Path) -> Self {
        let mut process = Command::new(program())
            .arg("127.0.0.1:0")
            .arg(file)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the example starts");
        let mut says = BufReader::new(process.stdout.take().expect("a pipe"));
        let line = line(&mut says);
        let address = line.strip_prefix("listening on http://").expect("an address");
        Self { address: address.parse().expect("an address"), says, process }
    }

    async fn get(&self, path: &str) -> Answer {
        Client::connect(self.address).await.send(get(path, &[])).await.expect("an answer")
    }

    /// Ends as Ctrl-C ends it.
    fn end(mut self) {
        let id = self.process.id();
        let signal = Command::new("sh").arg("-c").arg(format!("kill -INT {id}")).status();
        assert!(signal.expect("a shell").success());
        self.process.wait().expect("it ends");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // it may have ended by itself
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn line(says: &mut BufReader<ChildStdout>) -> String {
    let mut line = String::new();
    says.read_line(&mut line).expect("a line");
    line.trim().to_owned()
}

/// `target/debug/deps/it-…` stands beside `target/debug/examples`.
fn program() -> PathBuf {
    let test = std::env::current_exe().expect("a path");
    let program = test.ancestors().nth(2).expect("a folder").join("examples/warm_up");
    assert!(program.is_file(), "build it first: cargo build --example warm_up");
    program
}

fn is_hit(answer: &Answer) -> bool {
    answer.field("cache-status").contains("; hit")
}

#[actix_rt::test]
async fn what_was_stored_is_stored_again_after_a_restart() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = directory.path().join("urls");
    let first = Server::start(&file);
    for number in 1..=5 {
        first.get(&format!("/pages/{number}")).await;
    }
    first.end();
    let mut second = Server::start(&file);
    // a request that is not among them sets it going
    assert!(!is_hit(&second.get("/pages/0").await));
    assert_eq!(line(&mut second.says), "5 of 5 responses are stored again");
    for number in 1..=5 {
        assert!(is_hit(&second.get(&format!("/pages/{number}")).await));
    }
}
