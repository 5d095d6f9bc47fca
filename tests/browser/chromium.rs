//! A Chromium without a window, driven by its `DevTools` protocol.

use std::{process::Stdio, time::Duration};

use actix_codec::Framed;
use actix_http::ws::Item;
use awc::{
    BoxedSocket, Client,
    ws::{Codec, Frame, Message},
};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{Child, ChildStderr, Command},
    time::{Instant, sleep, timeout},
};

/// For how long anything may take, on a machine that does much else.
const BOUND: Duration = Duration::from_secs(30);
/// The longest message of the browser.
const MAX_MESSAGE: usize = 16 << 20;
const NAMES: [&str; 5] = [
    "chromium-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
];
const ARGUMENTS: [&str; 8] = [
    "--headless",
    "--no-sandbox", // it does not start as root otherwise
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--no-first-run",
    "--remote-debugging-port=0",
    "about:blank",
];

/// A browser with one page.
pub(crate) struct Browser {
    socket: Framed<BoxedSocket, Codec>,
    session: Option<String>,
    commands: u64,
    events: Vec<Value>,
    process: Child,
    _log: Lines<BufReader<ChildStderr>>,
    _profile: TempDir,
}

impl Drop for Browser {
    /// Ends the browser with all of its processes: what was started may be a script that starts it.
    fn drop(&mut self) {
        if let Some(group) = self.process.id() {
            let mut kill = std::process::Command::new("kill");
            // where it has ended by itself there is nothing to end
            let _ = kill.args(["-KILL", "--", &format!("-{group}")]).stderr(Stdio::null()).status();
        }
    }
}

impl Browser {
    pub(crate) async fn start() -> Self {
        let profile = tempfile::tempdir().expect("a temporary directory");
        let mut process = Command::new(program())
            .args(ARGUMENTS)
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .stderr(Stdio::piped())
            .process_group(0)
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("Chromium starts");
        let mut log = BufReader::new(process.stderr.take().expect("a pipe")).lines();
        let url = timeout(BOUND, address(&mut log)).await.expect("it listens in time");
        let client = Client::builder().max_http_version(awc::http::Version::HTTP_11).finish();
        let socket = client.ws(url).max_frame_size(MAX_MESSAGE).connect().await;
        let (_, socket) = socket.expect("a connection");
        let mut browser = Self {
            socket,
            session: None,
            commands: 0,
            events: Vec::new(),
            process,
            _log: log,
            _profile: profile,
        };
        browser.attach().await;
        browser
    }

    async fn attach(&mut self) {
        let target = self.command("Target.createTarget", json!({ "url": "about:blank" })).await;
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let session = self.command("Target.attachToTarget", attach).await;
        self.session = session["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page.enable", "Runtime.enable", "Log.enable"] {
            self.command(domain, json!({})).await;
        }
    }

    /// Sends a command and returns its result.
    pub(crate) async fn command(&mut self, method: &str, params: Value) -> Value {
        let reply = self.reply_to(method, params).await;
        assert!(reply["error"].is_null(), "{method}: {reply}");
        reply["result"].clone()
    }

    async fn reply_to(&mut self, method: &str, params: Value) -> Value {
        self.commands += 1;
        let mut command = json!({ "id": self.commands, "method": method, "params": params });
        if let Some(session) = &self.session {
            command["sessionId"] = json!(session);
        }
        self.socket.send(Message::Text(command.to_string().into())).await.expect("it is sent");
        loop {
            let message = timeout(BOUND, self.message()).await.expect(method);
            if message["id"] == command["id"] {
                return message;
            }
            self.events.push(message);
        }
    }

    async fn message(&mut self) -> Value {
        let mut text = Vec::new();
        loop {
            match self.socket.next().await.expect("it is there").expect("a frame") {
                Frame::Text(part) | Frame::Continuation(Item::Last(part)) => {
                    text.extend_from_slice(&part);
                    return serde_json::from_slice(&text).expect("JSON");
                }
                Frame::Continuation(
                    Item::FirstText(part) | Item::FirstBinary(part) | Item::Continue(part),
                ) => text.extend_from_slice(&part),
                _ => {}
            }
        }
    }

    /// Opens a URL.
    pub(crate) async fn open(&mut self, url: &str) {
        self.command("Page.navigate", json!({ "url": url })).await;
        self.wait_for("document.readyState === 'complete' && location.href !== 'about:blank'")
            .await;
    }

    /// The value of an expression of JavaScript; null where it fails, such as while a page is left.
    pub(crate) async fn value(&mut self, expression: &str) -> Value {
        let params = json!({ "expression": expression, "returnByValue": true });
        let reply = self.reply_to("Runtime.evaluate", params).await;
        reply["result"]["result"]["value"].clone()
    }

    pub(crate) async fn text(&mut self, selector: &str) -> String {
        let text = self.value(&format!("document.querySelector('{selector}')?.textContent")).await;
        text.as_str().unwrap_or_default().to_owned()
    }

    /// Waits until an expression holds.
    pub(crate) async fn wait_for(&mut self, condition: &str) {
        let begun = Instant::now();
        while self.value(condition).await != json!(true) {
            if begun.elapsed() > BOUND {
                let page = self.value("location.href + document.body.innerText").await;
                panic!("`{condition}` does not hold: {page}");
            }
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Clicks what a selector names, and waits for the page that this leads to.
    pub(crate) async fn follow(&mut self, selector: &str) {
        self.value("window.isOld = true").await;
        self.value(&format!("document.querySelector('{selector}').click()")).await;
        self.wait_for("!window.isOld && document.readyState === 'complete'").await;
    }

    /// Types text where the focus is.
    pub(crate) async fn type_text(&mut self, text: &str) {
        // a page may be complete a moment before it gives its field the focus
        self.wait_for("document.activeElement?.tagName === 'INPUT'").await;
        self.command("Input.insertText", json!({ "text": text })).await;
    }

    /// Presses a key.
    pub(crate) async fn press(&mut self, key: &str) {
        let (code, text) = match key {
            "Tab" => (9, ""),
            "Enter" => (13, "\r"),
            _ => (32, " "),
        };
        for kind in ["keyDown", "keyUp"] {
            let text = if kind == "keyDown" { text } else { "" };
            let event = json!({ "type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code, "text": text });
            self.command("Input.dispatchKeyEvent", event).await;
        }
    }

    /// Shows the page in this size, as a phone does where it is narrow.
    pub(crate) async fn resize(&mut self, width: u32, height: u32) {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.command("Emulation.setDeviceMetricsOverride", size).await;
    }

    pub(crate) async fn set_dark(&mut self, dark: bool) {
        let value = if dark { "dark" } else { "light" };
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": value }] });
        self.command("Emulation.setEmulatedMedia", features).await;
    }

    /// Tells the page that its tab is seen, or hidden behind another one: without a window no tab hides it.
    pub(crate) async fn set_seen(&mut self, seen: bool) {
        let state = if seen { "visible" } else { "hidden" };
        self.value(&format!(
            "Object.defineProperty(document, 'visibilityState', {{ value: '{state}', configurable: true }});
             document.dispatchEvent(new Event('visibilitychange'))"
        ))
        .await;
    }

    /// What is seen of the page, as a PNG.
    pub(crate) async fn screenshot(&mut self) -> Vec<u8> {
        let taken = self.command("Page.captureScreenshot", json!({ "format": "png" })).await;
        from_base64(taken["data"].as_str().expect("a picture"))
    }

    /// Asserts that nothing went wrong on any page: no exception, no word on the console, no report of
    /// the Content-Security-Policy. That a page was a 401 is what is expected of strangers.
    pub(crate) async fn assert_clean(mut self) {
        self.value("1").await; // events before it have arrived
        let is_bad = |event: &&Value| {
            let text = event["params"]["entry"]["text"].as_str().unwrap_or_default();
            match event["method"].as_str() {
                Some("Log.entryAdded") => !text.contains("status of 401"),
                Some(method) => {
                    ["Runtime.exceptionThrown", "Runtime.consoleAPICalled"].contains(&method)
                }
                None => false,
            }
        };
        let bad: Vec<_> = self.events.iter().filter(is_bad).collect();
        assert!(bad.is_empty(), "{bad:#?}");
    }
}

fn from_base64(text: &str) -> Vec<u8> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut bytes, mut bits, mut held) = (Vec::new(), 0_u32, 0);
    for letter in text.bytes().take_while(|letter| *letter != b'=') {
        let digit = DIGITS.iter().position(|digit| *digit == letter).expect("base64");
        (bits, held) = (bits << 6 | u32::try_from(digit).unwrap(), held + 6);
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held & 0xff).try_into().unwrap());
        }
    }
    bytes
}

async fn address(log: &mut Lines<BufReader<ChildStderr>>) -> String {
    while let Some(line) = log.next_line().await.expect("its log") {
        if let Some((_, url)) = line.split_once("DevTools listening on ") {
            return url.to_owned();
        }
    }
    panic!("Chromium has ended");
}

fn program() -> std::path::PathBuf {
    if let Some(named) = std::env::var_os("CHROMIUM_BIN") {
        return named.into();
    }
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<_> = std::env::split_paths(&folders).collect();
    let found = NAMES.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    found
        .into_iter()
        .find(|program| program.exists())
        .expect("Chromium is missing: tests/run.sh installs it, or CHROMIUM_BIN names the program")
}
