//! An origin over plain sockets: it sends the bytes that a test sets, and keeps requests as they came.

use std::{
    collections::HashMap,
    io::{self, BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex},
    thread,
    time::Duration,
};

/// What the origin sends for a request. After nothing at all, or `Connection: close`, it closes
/// the connection.
pub type Reply = Box<dyn Fn(&Recorded) -> Vec<u8> + Send>;

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Recorded {
    pub method: String,
    pub target: String,
    /// The header section, line by line.
    pub lines: Vec<String>,
    pub body: Vec<u8>,
}

/// An origin that answers each path with the reply set for it last, and 404 without one.
#[derive(Clone)]
pub struct RawOrigin {
    address: SocketAddr,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    paths: Mutex<HashMap<String, Played>>,
    asked: Condvar,
}

#[derive(Default)]
struct Played {
    reply: Option<Reply>,
    requests: Vec<Recorded>,
}

impl RawOrigin {
    /// Starts it on a free port; it lives as long as the process.
    pub fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let origin = Self { address: listener.local_addr().unwrap(), state: Arc::default() };
        let state = Arc::clone(&origin.state);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let state = Arc::clone(&state);
                // a connection that breaks is the proxy's to tell
                thread::spawn(move || stream.and_then(|stream| serve(&stream, &state)));
            }
        });
        origin
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Sets what requests for this path get from now on.
    pub fn play(&self, path: &str, reply: Reply) {
        self.state.paths.lock().unwrap().entry(path.to_owned()).or_default().reply = Some(reply);
    }

    /// The requests for this path so far.
    pub fn requests(&self, path: &str) -> Vec<Recorded> {
        let paths = self.state.paths.lock().unwrap();
        paths.get(path).map(|played| played.requests.clone()).unwrap_or_default()
    }

    /// Waits for this many requests for the path; false when they do not come.
    pub fn wait_for(&self, path: &str, count: usize) -> bool {
        let fewer = |paths: &mut HashMap<String, Played>| {
            paths.get(path).is_none_or(|played| played.requests.len() < count)
        };
        let paths = self.state.paths.lock().unwrap();
        let waited = self.state.asked.wait_timeout_while(paths, Duration::from_secs(5), fewer);
        !waited.unwrap().1.timed_out()
    }
}

impl Recorded {
    /// The values of a field, in order.
    pub fn all(&self, name: &str) -> Vec<&str> {
        values(&self.lines, name)
    }
}

/// The values of a field among header lines, in order.
pub fn values<'a>(lines: &'a [String], name: &str) -> Vec<&'a str> {
    let fields = lines.iter().filter_map(|line| line.split_once(':'));
    fields.filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).collect()
}

/// Reads a header section: its first line, and the others.
pub fn read_head(reader: &mut impl BufRead) -> io::Result<Option<(String, Vec<String>)>> {
    let mut lines = Vec::new();
    loop {
        let mut line = Vec::new();
        if reader.read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
        let line = String::from_utf8_lossy(line.trim_ascii_end()).into_owned();
        if line.is_empty() {
            break;
        }
        lines.push(line);
    }
    let first = if lines.is_empty() { String::new() } else { lines.remove(0) };
    Ok(Some((first, lines)))
}

/// Reads the body that goes with these lines, or what there is of it; `to_end` where nothing frames
/// it.
pub fn read_body(reader: &mut impl BufRead, lines: &[String], to_end: bool) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    if values(lines, "transfer-encoding").contains(&"chunked") {
        loop {
            let mut size = String::new();
            reader.read_line(&mut size)?;
            let size = usize::from_str_radix(size.trim(), 16).map_err(io::Error::other)?;
            let mut chunk = vec![0; size + 2];
            reader.read_exact(&mut chunk)?;
            if size == 0 {
                return Ok(body);
            }
            body.extend_from_slice(&chunk[..size]);
        }
    }
    match values(lines, "content-length").first() {
        Some(length) => {
            let length = length.parse().map_err(io::Error::other)?;
            reader.take(length).read_to_end(&mut body)?;
        }
        None if to_end => drop(reader.read_to_end(&mut body)?),
        None => {}
    }
    Ok(body)
}

fn serve(stream: &TcpStream, state: &State) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    while let Some((line, lines)) = read_head(&mut reader)? {
        let body = read_body(&mut reader, &lines, false)?;
        let mut words = line.split(' ').map(ToOwned::to_owned);
        let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let request = Recorded { method, target, lines, body };
        let bytes = answer(request, state);
        let mut stream = stream;
        stream.write_all(&bytes)?;
        let last = b"Connection: close\r\n";
        if bytes.is_empty() || bytes.windows(last.len()).any(|part| part == last) {
            break;
        }
    }
    Ok(())
}

fn answer(request: Recorded, state: &State) -> Vec<u8> {
    let path = request.target.split('?').next().unwrap_or_default().to_owned();
    let mut paths = state.paths.lock().unwrap();
    let played = paths.entry(path).or_default();
    let bytes = match &played.reply {
        Some(reply) => reply(&request),
        None => b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_vec(),
    };
    played.requests.push(request);
    state.asked.notify_all();
    bytes
}
