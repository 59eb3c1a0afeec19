//! Files that may be compressed, and reads that believe no header.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::Path,
};

use flate2::bufread::MultiGzDecoder;

use super::DataError;

/// First bytes of a gzip file.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Opens a file and decompresses it when its first bytes say so, whatever its name.
pub(super) fn open(path: &Path) -> Result<Box<dyn Read>, DataError> {
    let peeked = || -> io::Result<Box<dyn Read>> {
        let mut file = BufReader::with_capacity(1 << 16, File::open(path)?);
        if file.fill_buf()?.starts_with(&GZIP) { Ok(Box::new(MultiGzDecoder::new(file))) } else { Ok(Box::new(file)) }
    };
    peeked().map_err(|cause| DataError::Io { path: path.to_owned(), cause })
}

/// Reads at most `limit` bytes to the end; a compressed stream that breaks off counts as ending there. Memory grows
/// with the bytes that arrive, never with `limit`.
pub(super) fn read_up_to(path: &Path, source: &mut dyn Read, limit: u64) -> Result<Vec<u8>, DataError> {
    let mut bytes = Vec::new();
    match source.take(limit).read_to_end(&mut bytes) {
        Err(cause) if cause.kind() != io::ErrorKind::UnexpectedEof => {
            Err(DataError::Io { path: path.to_owned(), cause })
        }
        _ => Ok(bytes),
    }
}
