//! Labelled examples and where they come from.
//!
//! [`load_folder`] reads IDX files (MNIST and its kin), tensors, LEAF json or JSON lines of text, [`load_table`] comma-separated values or Parquet,
//! [`load_text`] JSON lines of any fields, all plain or gzip-compressed, [`load_audio`] WAV files in a folder or an archive. Files are input
//! from strangers: sizes they declare are never believed before the bytes are there, and every error names the file.

mod audio;
mod dataset;
mod error;
mod examples;
mod folder;
mod held_out;
mod idx;
mod leaf;
mod leaf_archive;
mod source;
mod table;
mod tensors;
#[cfg(test)]
mod tests;
mod text;
mod users;

pub use self::{
    audio::{Audio, AudioError, Index, load_audio},
    dataset::{Dataset, User},
    error::DataError,
    examples::{ExampleError, Examples},
    folder::load_folder,
    leaf::load_file as load_leaf,
    table::{Standardise, Table, TableError, load_table},
    tensors::TensorsError,
    text::{Text, TextError, load_text},
};
