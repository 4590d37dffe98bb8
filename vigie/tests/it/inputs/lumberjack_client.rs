//! A Lumberjack client as Filebeat is one: windows, compressed or not; acknowledgements may come for a part, or for nothing
//! yet; what is not acknowledged is sent again.

use flate2::{Compression, write::ZlibEncoder};
use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
};

/// A connection, over any stream.
pub(super) struct Client<S>(pub(super) S);

impl Client<TcpStream> {
    pub(super) fn connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(crate::harness::PATIENCE))?;
        Ok(Self(stream))
    }
}

impl<S: Read + Write> Client<S> {
    /// Sends a window and waits until all of it is acknowledged.
    pub(super) fn send(&mut self, events: &[String], compressed: bool) -> io::Result<()> {
        self.0.write_all(&window(events, compressed))?;
        self.0.flush()?;
        let all = u32::try_from(events.len()).unwrap();
        while self.acknowledgement()? < all {}
        Ok(())
    }

    /// The next acknowledgement: the number of the last event that is stored.
    pub(super) fn acknowledgement(&mut self) -> io::Result<u32> {
        let mut frame = [0; 6];
        self.0.read_exact(&mut frame)?;
        assert_eq!(&frame[..2], b"2A");
        Ok(u32::from_be_bytes(frame[2..].try_into().unwrap()))
    }
}

/// The frames of a window.
pub(super) fn window(events: &[String], compressed: bool) -> Vec<u8> {
    let mut frames = Vec::new();
    for (sequence, event) in (1_u32..).zip(events) {
        frames.extend_from_slice(b"2J");
        frames.extend_from_slice(&sequence.to_be_bytes());
        frames.extend_from_slice(&u32::try_from(event.len()).unwrap().to_be_bytes());
        frames.extend_from_slice(event.as_bytes());
    }
    if compressed {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(&frames).unwrap();
        let packed = encoder.finish().unwrap();
        frames = [b"2C".as_slice(), &u32::try_from(packed.len()).unwrap().to_be_bytes(), &packed].concat();
    }
    let size = u32::try_from(events.len()).unwrap();
    [b"2W".as_slice(), &size.to_be_bytes(), &frames].concat()
}
