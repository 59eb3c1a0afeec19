//! IDX files: the format of MNIST and its kin, unsigned bytes only.

use std::path::Path;

use super::{
    DataError, Examples,
    source::{open, read_up_to},
};

/// Unsigned bytes in three dimensions: images.
const IMAGES: u32 = 0x0000_0803;
/// Unsigned bytes in one dimension: labels.
const LABELS: u32 = 0x0000_0801;
/// No file may declare more bytes than this: 2 GiB, which become 8 GiB of numbers.
const LIMIT: u64 = 1 << 31;

/// Loads images and their labels; grey values become 0 to 1.
pub(super) fn load(images: &Path, labels: &Path) -> Result<Examples, DataError> {
    let (extents, pixels) = read::<3>(images, IMAGES)?;
    let ([label_count], classes) = read::<1>(labels, LABELS)?;
    let [image_count, height, width] = extents.map(|extent| extent as usize);
    if image_count != label_count as usize {
        let (images, labels) = (images.to_owned(), labels.to_owned());
        return Err(DataError::CountMismatch { images, image_count, labels, label_count: label_count as usize });
    }
    let inputs = pixels.iter().map(|&pixel| f32::from(pixel) / 255.0).collect();
    Examples::new([1, height, width], inputs, classes.into_iter().map(u32::from).collect())
        .map_err(|cause| DataError::Examples { path: images.to_owned(), cause })
}

/// Extents and payload of one file.
fn read<const RANK: usize>(path: &Path, magic: u32) -> Result<([u32; RANK], Vec<u8>), DataError> {
    let path_buf = || path.to_owned();
    let mut source = open(path)?;
    let header_length = 4 * (1 + RANK);
    let header = read_up_to(path, &mut source, header_length as u64)?;
    let mut words = header.chunks_exact(4).map(|word| word.iter().fold(0, |sum, &byte| (sum << 8) | u32::from(byte)));
    let found = words.next();
    if let Some(found) = found.filter(|&found| found != magic) {
        return Err(DataError::Magic { path: path_buf(), expected: magic, found });
    }
    if header.len() < header_length {
        let (expected, found) = (header_length as u64, header.len() as u64);
        return Err(DataError::Truncated { path: path_buf(), expected, found });
    }
    let mut extents = [0; RANK];
    for (extent, word) in extents.iter_mut().zip(words) {
        *extent = word;
    }
    let declared = extents.iter().try_fold(1_u64, |size, &extent| size.checked_mul(u64::from(extent)));
    let Some(declared) = declared.filter(|&declared| declared <= LIMIT) else {
        return Err(DataError::TooLarge { path: path_buf(), declared: extents.to_vec(), limit: LIMIT });
    };
    // One byte more than declared, to see whether the file goes on.
    let payload = read_up_to(path, &mut source, declared + 1)?;
    let (expected, found) = (header_length as u64 + declared, (header_length + payload.len()) as u64);
    match found.cmp(&expected) {
        std::cmp::Ordering::Less => Err(DataError::Truncated { path: path_buf(), expected, found }),
        std::cmp::Ordering::Equal => Ok((extents, payload)),
        std::cmp::Ordering::Greater => Err(DataError::TrailingBytes { path: path_buf(), expected }),
    }
}
