//! One connection through the proxy: both of its directions, and how it ends.

use crate::link::Link;
use crate::pump::{self, Broken};
use std::net::SocketAddr;
use tokio::net::TcpStream;

/// The connection is to be reset at both ends.
struct Reset;

/// Both directions of a connection.
pub struct Ways<'a> {
    /// From who dialled.
    pub out: &'a Link,
    /// To who dialled.
    pub back: &'a Link,
}

impl Ways<'_> {
    /// Joins `dialler` with whoever listens at `address`, until both have said all or the connection is reset.
    pub async fn join(self, dialler: TcpStream, address: SocketAddr, seed: u64) {
        let known = (self.out.resets(), self.back.resets());
        self.out.note_connection();
        self.back.note_connection();
        let mut ends = Ends { dialler, listener: None };
        let ended = tokio::select! {
            // A cut that is healed resets before anything that it held can pass.
            biased;
            () = self.out.reset_after(known.0) => Err(Reset),
            () = self.back.reset_after(known.1) => Err(Reset),
            ended = self.carry(&mut ends, address, seed) => ended,
        };
        if ended.is_err() {
            ends.reset();
        }
    }

    async fn carry(&self, ends: &mut Ends, address: SocketAddr, seed: u64) -> Result<(), Reset> {
        // The wish to connect travels there, its answer travels back.
        self.out.open().await;
        let connected = TcpStream::connect(address).await;
        self.back.open().await;
        let listener = ends.listener.insert(connected.map_err(|_| Reset)?);
        let _ = listener.set_nodelay(true);
        let (dialler_says, to_dialler) = ends.dialler.split();
        let (listener_says, to_listener) = listener.split();
        let there = async {
            let carried = pump::carry(dialler_says, to_listener, self.out, seed).await;
            ended(carried, self.out, self.back).await
        };
        let back = async {
            let carried = pump::carry(listener_says, to_dialler, self.back, !seed).await;
            ended(carried, self.back, self.out).await
        };
        tokio::try_join!(there, back).map(|_| ())
    }
}

/// That an end is gone is news that has to travel to the other end as bytes do.
async fn ended(carried: Result<(), Broken>, way: &Link, opposite: &Link) -> Result<(), Reset> {
    match carried {
        Ok(()) => return Ok(()),
        Err(Broken::Source) => way.open().await,
        Err(Broken::Sink) => opposite.open().await,
    }
    Err(Reset)
}

/// The two sockets.
struct Ends {
    dialler: TcpStream,
    listener: Option<TcpStream>,
}

impl Ends {
    /// Without lingering, a socket that is dropped sends RST.
    fn reset(&self) {
        for socket in [Some(&self.dialler), self.listener.as_ref()].into_iter().flatten() {
            // A socket that is gone already needs none.
            let _ = socket.set_zero_linger();
        }
    }
}
