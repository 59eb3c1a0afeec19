//! What the coordinator gives to strangers and devices, at most.

use std::{num::NonZeroU32, time::Duration};

/// Bounds on everything that a peer could otherwise take without end. A value that is not set otherwise is the one that
/// [`default`](Self::default) documents; none is taken from a library.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes of all updates on their way in, together: 256 MiB. Whoever announces another one waits.
    pub upload_bytes: usize,
    /// How long an announced update waits for room before its device is told to come back: 5 seconds.
    pub upload_wait: Duration,
    /// Bytes a second that an update has to come with, beyond its first moments: 16 KiB.
    pub upload_rate: NonZeroU32,
    /// Those first moments, and how long an announced update may lie still: 30 seconds.
    pub upload_patience: Duration,
    /// How long any other call may take, its message included: a minute.
    pub call: Duration,
    /// Calls a second that a device may make for long: 20.
    pub calls_per_second: NonZeroU32,
    /// Calls that it may make at once: 400.
    pub calls_at_once: NonZeroU32,
    /// Requests that one connection may have in flight: 64.
    pub streams: u32,
    /// Bytes that a peer may send on one stream before they are read: 4 MiB.
    pub stream_window: u32,
    /// The same, on one connection: 8 MiB.
    pub connection_window: u32,
    /// Bytes of a request's headers: 16 KiB.
    pub header_bytes: u32,
    /// Streams that a peer may have reset before they were taken up: 20. More end the connection.
    pub pending_resets: usize,
    /// How long a connection may take to be made: 10 seconds.
    pub handshake: Duration,
    /// How often a silent peer is asked whether it is there, and how long it may take to say so: 20 seconds.
    pub keepalive: Duration,
    /// How long a connection is used: half an hour. Devices make another one without noticing.
    pub connection_age: Duration,
    /// How long requests in flight may go on after that: 5 minutes.
    pub connection_grace: Duration,
}

const fn positive(number: u32) -> NonZeroU32 {
    match NonZeroU32::new(number) {
        Some(number) => number,
        None => NonZeroU32::MIN,
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            upload_bytes: 256 << 20,
            upload_wait: Duration::from_secs(5),
            upload_rate: const { positive(16 << 10) },
            upload_patience: Duration::from_secs(30),
            call: Duration::from_secs(60),
            calls_per_second: const { positive(20) },
            calls_at_once: const { positive(400) },
            streams: 64,
            stream_window: 4 << 20,
            connection_window: 8 << 20,
            header_bytes: 16 << 10,
            pending_resets: 20,
            handshake: Duration::from_secs(10),
            keepalive: Duration::from_secs(20),
            connection_age: Duration::from_secs(30 * 60),
            connection_grace: Duration::from_secs(5 * 60),
        }
    }
}
