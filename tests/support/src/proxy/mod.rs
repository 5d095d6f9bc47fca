//! A proxy before a real Redis server that misbehaves as a test asks it to, on a runtime of its own,
//! gone with its value.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr, SocketAddrV4},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{
    net::{TcpListener, TcpSocket},
    runtime::{Builder, Runtime},
    sync::{Notify, Semaphore, watch},
    task::JoinSet,
};

mod commands;
mod connection;

/// What the proxy does with connections, those that it has already among them.
#[derive(Clone)]
pub enum Mode {
    Pass,
    /// Connections are refused, and those that there were are cut.
    Refuse,
    /// Connections are accepted, and nothing comes back.
    Silent,
    /// The first half of what comes back passes, then the connection is cut.
    CutReplies,
    /// What comes back passes by one byte in 10 ms.
    Slow,
    /// What comes back passes at a rate that all connections share.
    Limited(Arc<Bandwidth>),
    /// Each command is answered with what is no reply.
    Garbage,
    /// Each command is answered with this error, without the server.
    Error(&'static str),
    /// Connections that subscribe are cut; all others pass.
    CutSubscribers,
    /// Published messages are swallowed; all else passes.
    Mute,
    /// Commands pass until the gate is used up; the next one waits for another mode.
    Hold(Arc<Gate>),
}

/// Lets a number of commands pass.
pub struct Gate {
    left: Semaphore,
    held: Notify,
}

/// A rate at which bytes pass.
pub struct Bandwidth {
    bytes_per_second: f64,
    free_at: Mutex<Instant>,
}

impl Bandwidth {
    pub fn new(bytes_per_second: u32) -> Arc<Self> {
        let bytes_per_second = f64::from(bytes_per_second);
        Arc::new(Self { bytes_per_second, free_at: Mutex::new(Instant::now()) })
    }

    /// Waits until this many bytes have passed, after all that came before them.
    async fn pass(&self, bytes: usize) {
        let bytes = f64::from(u32::try_from(bytes).expect("a few"));
        let passed = {
            let mut free_at = self.free_at.lock().expect("no panic");
            *free_at = (*free_at).max(Instant::now())
                + Duration::from_secs_f64(bytes / self.bytes_per_second);
            *free_at
        };
        tokio::time::sleep_until(passed.into()).await;
    }
}

/// A proxy on a port of its own.
pub struct Proxy {
    address: SocketAddr,
    mode: watch::Sender<Mode>,
    accepted: Arc<AtomicUsize>,
    exchanges: Arc<AtomicUsize>,
    runtime: Option<Runtime>,
}

impl Proxy {
    /// A proxy before the server at `upstream`, where everything passes.
    pub fn start(upstream: String) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let (mode, changes) = watch::channel(Mode::Pass);
        let entered = runtime.enter();
        // keeps the port while it refuses connections
        let placeholder = bound(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0).into());
        let address = placeholder.local_addr().expect("its address");
        let listener = listening(address);
        let accepted = Arc::<AtomicUsize>::default();
        let counter = Arc::clone(&accepted);
        let exchanges = Arc::<AtomicUsize>::default();
        let of_clients = Arc::clone(&exchanges);
        runtime.spawn(async move {
            accept(listener, &upstream, changes, &counter, &of_clients).await;
            drop(placeholder);
        });
        drop(entered);
        Self { address, mode, accepted, exchanges, runtime: Some(runtime) }
    }

    /// The proxy's URL.
    pub fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    /// How many connections have been made.
    pub fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }

    /// How often a client has sent commands, those of one pipeline together.
    pub fn exchanges(&self) -> usize {
        self.exchanges.load(Ordering::SeqCst)
    }

    /// Misbehaves in this mode from now on.
    pub fn set_mode(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }

    /// Lets `commands` more commands pass; the one after them waits until the mode changes.
    pub fn hold_after(&self, commands: usize) -> Arc<Gate> {
        let gate = Arc::new(Gate { left: Semaphore::new(commands), held: Notify::new() });
        self.set_mode(Mode::Hold(Arc::clone(&gate)));
        gate
    }
}

impl Gate {
    /// Waits until a command waits.
    pub async fn held(&self) {
        self.held.notified().await;
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn accept(
    first: TcpListener,
    upstream: &str,
    mut mode: watch::Receiver<Mode>,
    accepted: &AtomicUsize,
    exchanges: &Arc<AtomicUsize>,
) {
    let address = first.local_addr().expect("its address");
    let mut listener = Some(first);
    let mut connections = JoinSet::new();
    loop {
        if matches!(*mode.borrow_and_update(), Mode::Refuse) {
            listener = None;
            connections.abort_all();
            if mode.changed().await.is_err() {
                return;
            }
            continue;
        }
        let listener = listener.get_or_insert_with(|| listening(address));
        tokio::select! {
            changed = mode.changed() => if changed.is_err() { return },
            Ok((client, _)) = listener.accept() => {
                accepted.fetch_add(1, Ordering::SeqCst);
                let (upstream, exchanges) = (upstream.to_owned(), Arc::clone(exchanges));
                connections.spawn(connection::serve(client, upstream, mode.clone(), exchanges));
            }
        }
        while connections.try_join_next().is_some() {}
    }
}

fn bound(address: SocketAddr) -> TcpSocket {
    let socket = TcpSocket::new_v4().expect("a socket");
    shares_its_port(&socket).expect("ports can be shared");
    socket.bind(address).expect("a free port");
    socket
}

#[cfg(unix)]
fn shares_its_port(socket: &TcpSocket) -> io::Result<()> {
    socket.set_reuseport(true)
}

/// There, two sockets that reuse an address share it.
#[cfg(windows)]
fn shares_its_port(socket: &TcpSocket) -> io::Result<()> {
    socket.set_reuseaddr(true)
}

fn listening(address: SocketAddr) -> TcpListener {
    bound(address).listen(128).expect("it listens")
}
