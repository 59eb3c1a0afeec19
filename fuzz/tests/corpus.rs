//! The corpus on stable: every file as it is, every prefix of it, and every byte of it changed in a few ways.

use std::{fs, path::Path};

use murmur_fuzz::TARGETS;

#[test]
fn no_file_of_the_corpus_and_no_neighbour_of_one_makes_a_decoder_panic() {
    for (name, decode) in TARGETS {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
        let files: Vec<_> = fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path()).collect();
        assert!(!files.is_empty(), "{} has no file", folder.display());
        for file in files {
            let bytes = fs::read(&file).unwrap();
            decode(&bytes);
            for place in 0..bytes.len().min(4_000) {
                decode(&bytes[..place]);
                for change in [1, 0x80, 0xff] {
                    let mut changed = bytes.clone();
                    changed[place] ^= change;
                    decode(&changed);
                }
            }
        }
    }
}
