//! A whole in pieces: cut on one side, checked and put together on the other.

use bytes::Bytes;
use thiserror::Error;

use crate::{CHUNK_LIMIT, v1};

/// A piece that does not belong where it stands.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ChunkError {
    /// No chunk in the message.
    #[error("the message has no chunk")]
    Missing,
    /// Empty, or above the limit.
    #[error("a chunk has 1 to {CHUNK_LIMIT} bytes, this one has {found}")]
    Size {
        /// Bytes of the chunk.
        found: usize,
    },
    /// A gap, an overlap, or a piece out of turn.
    #[error("the chunk says offset {found}, but {expected} bytes came before it")]
    Offset {
        /// Where the next chunk must lie.
        expected: u64,
        /// Where it says that it lies.
        found: u64,
    },
    /// Not the bytes that were sent.
    #[error("the chunk at offset {offset} has another crc32c than it says")]
    Crc {
        /// Offset of the chunk.
        offset: u64,
    },
    /// More than was declared or is admitted.
    #[error("more than {limit} bytes came")]
    TooLong {
        /// Bytes admitted.
        limit: u64,
    },
    /// The end came early.
    #[error("the stream ended after {found} of {expected} bytes")]
    TooShort {
        /// Bytes declared.
        expected: u64,
        /// Bytes received.
        found: u64,
    },
}

/// The crc32c (Castagnoli; CRC-32/ISCSI) of these bytes: what a chunk says of its own.
#[must_use]
pub fn checksum(bytes: &[u8]) -> u32 {
    crc_fast::crc32_iscsi(bytes)
}

/// Cuts `bytes` into chunks, without copying them.
pub fn cut(bytes: Bytes) -> impl Iterator<Item = v1::Chunk> + Send + 'static {
    cut_from(bytes, 0)
}

/// Cuts what lies at and after `offset`, which is nothing when the whole is not so long.
pub fn cut_from(bytes: Bytes, offset: usize) -> impl Iterator<Item = v1::Chunk> + Send + 'static {
    (offset..bytes.len()).step_by(CHUNK_LIMIT).map(move |start| {
        let data = bytes.slice(start..bytes.len().min(start + CHUNK_LIMIT));
        v1::Chunk { crc32c: checksum(&data), offset: start as u64, data }
    })
}

/// How far a whole has come, and what may come next.
#[derive(Debug)]
pub struct Sequence {
    received: usize,
    limit: usize,
}

impl Sequence {
    /// A whole of at most `limit` bytes, none of which are there.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { received: 0, limit }
    }

    /// Bytes that are there: the next chunk's offset.
    #[must_use]
    pub fn received(&self) -> usize {
        self.received
    }

    /// Whether all bytes are there that may come.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.received == self.limit
    }

    /// The bytes of the next chunk, which count as received from now on.
    ///
    /// # Errors
    /// [`ChunkError`]; nothing is received then.
    pub fn next<'chunk>(&mut self, chunk: &'chunk v1::Chunk) -> Result<&'chunk [u8], ChunkError> {
        let (expected, found) = (self.received as u64, chunk.data.len());
        if found == 0 || found > CHUNK_LIMIT {
            return Err(ChunkError::Size { found });
        }
        if chunk.offset != expected {
            return Err(ChunkError::Offset { expected, found: chunk.offset });
        }
        if found > self.limit - self.received {
            return Err(ChunkError::TooLong { limit: self.limit as u64 });
        }
        if checksum(&chunk.data) != chunk.crc32c {
            return Err(ChunkError::Crc { offset: chunk.offset });
        }
        self.received += found;
        Ok(&chunk.data)
    }
}

/// A whole that is being put together.
pub struct Assembly {
    bytes: Vec<u8>,
    sequence: Sequence,
}

impl Assembly {
    /// A whole of at most `limit` bytes. Memory grows with what arrives.
    #[must_use]
    pub fn up_to(limit: usize) -> Self {
        Self { bytes: Vec::new(), sequence: Sequence::new(limit) }
    }

    /// Bytes that are there: the next chunk's offset.
    #[must_use]
    pub fn received(&self) -> usize {
        self.sequence.received()
    }

    /// Appends the next chunk.
    ///
    /// # Errors
    /// [`ChunkError`]; nothing is appended then.
    pub fn add(&mut self, chunk: &v1::Chunk) -> Result<(), ChunkError> {
        self.bytes.extend_from_slice(self.sequence.next(chunk)?);
        Ok(())
    }

    /// What came, however long; for wholes that a digest vouches for.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn chunk(offset: u64, data: &'static [u8]) -> v1::Chunk {
        v1::Chunk { data: Bytes::from_static(data), offset, crc32c: checksum(data) }
    }

    #[test]
    fn the_checksum_is_crc32c() {
        // RFC 3720, appendix B.4, and the check value of the catalogue of parametrised CRCs.
        let ascending: Vec<u8> = (0..32).collect();
        for (bytes, expected) in [
            (vec![0; 32], 0x8a91_36aa),
            (vec![0xff; 32], 0x62a8_ab43),
            (ascending, 0x46dd_794e),
            (b"123456789".to_vec(), 0xe306_9283),
        ] {
            assert_eq!(checksum(&bytes), expected);
        }
    }

    #[test]
    fn every_hostile_chunk_is_told_apart() {
        let mut whole = Assembly::up_to(6);
        whole.add(&chunk(0, b"abc")).unwrap();
        let crc32c = chunk(3, b"def").crc32c ^ 1;
        for (bad, error) in [
            (chunk(0, b"abc"), ChunkError::Offset { expected: 3, found: 0 }),
            (chunk(4, b"ef"), ChunkError::Offset { expected: 3, found: 4 }),
            (chunk(u64::MAX, b"ef"), ChunkError::Offset { expected: 3, found: u64::MAX }),
            (chunk(3, b""), ChunkError::Size { found: 0 }),
            (chunk(3, b"defg"), ChunkError::TooLong { limit: 6 }),
            (v1::Chunk { crc32c, ..chunk(3, b"def") }, ChunkError::Crc { offset: 3 }),
            (
                v1::Chunk { data: vec![0; CHUNK_LIMIT + 1].into(), offset: 3, crc32c: 0 },
                ChunkError::Size { found: CHUNK_LIMIT + 1 },
            ),
        ] {
            assert_eq!(whole.add(&bad), Err(error));
        }
        whole.add(&chunk(3, b"def")).unwrap();
        assert_eq!(whole.finish(), b"abcdef");
    }

    #[test]
    fn a_whole_of_several_chunks_comes_back() {
        let bytes: Vec<u8> = (0..2 * CHUNK_LIMIT + 5).map(|index| (index % 251) as u8).collect();
        let mut whole = Assembly::up_to(bytes.len());
        let mut chunks = 0;
        for chunk in cut(bytes.clone().into()) {
            whole.add(&chunk).unwrap();
            chunks += 1;
        }
        assert_eq!(chunks, 3);
        assert_eq!(whole.finish(), bytes);
    }

    proptest! {
        #[test]
        fn no_chunks_make_an_assembly_panic(chunks: Vec<(Vec<u8>, u64, u32)>, limit in 0_usize..64) {
            let mut whole = Assembly::up_to(limit);
            for (data, offset, crc32c) in chunks {
                let _ = whole.add(&v1::Chunk { data: data.into(), offset, crc32c });
            }
            prop_assert!(whole.finish().len() <= limit);
        }
    }
}
