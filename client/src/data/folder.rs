//! Finds out what kind of dataset a folder holds.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{
    DataError, Dataset, Examples, User,
    dataset::{Origin, Part},
    idx, leaf,
    leaf_archive::{self, ARCHIVES, Loaded},
    tensors, text, users,
};

/// Files of users who have no training examples.
const UNSEEN: &str = "heldout-users-test";
/// Ends of the names of LEAF's files.
const JSON: [&str; 2] = [".json", ".json.gz"];
/// Ends of the names of files of text.
const LINES: [&str; 2] = [".jsonl", ".jsonl.gz"];

/// Loads the dataset in `folder`.
///
/// - IDX: `train-images-idx3-ubyte` with `train-labels-idx1-ubyte`; test data under the prefix `t10k` or `test`;
///   natural users from `train-users.csv` (columns `user`, `offset`, `count`) and `test-users.csv`; examples of users without training
///   examples under the prefix `heldout-users-test`, theirs from `heldout-users-test-users.csv`. Every file may end in `.gz`.
/// - Tensors: `train.safetensors` with the tensors `inputs` and `labels`; test data, users and users without training examples under the same
///   prefixes as of IDX files.
/// - LEAF: `.json` or `.json.gz` files in `train/` and `test/`, or directly in the folder (all training then), in the
///   order of their names.
/// - Text: one `.jsonl` or `.jsonl.gz` file whose lines have the fields `user` and `text` (or `speeches`). The first 80 % of each user's
///   characters are for training.
///
/// A single file of LEAF or of text may take the place of a folder, and so may an archive (`.tar`, `.tar.gz`) of LEAF's folders.
///
/// # Errors
/// [`DataError`] naming the file, or the folder when it holds nothing known.
pub fn load_folder(folder: &Path) -> Result<Dataset, DataError> {
    if folder.is_file() {
        return load_file(folder);
    }
    if let Some(train) = load_arrays(folder, "train")? {
        let (test, tested) = match load_arrays(folder, "t10k")? {
            None => (load_arrays(folder, "test")?, find(folder, "test-users.csv")),
            found => (found, None),
        };
        let known = |path: PathBuf| Ok::<_, DataError>((users::load(&path)?, path));
        let users = find(folder, "train-users.csv").map(known).transpose()?;
        let mut dataset = Dataset::from_files(train, users, test)?;
        if let Some((users, path)) = tested.filter(|_| dataset.test().is_some()).map(known).transpose()? {
            dataset = dataset.with_test_users(users, &path)?;
        }
        let Some((examples, _)) = load_arrays(folder, UNSEEN)? else { return Ok(dataset) };
        let users = find(folder, &format!("{UNSEEN}-users.csv")).map(known).transpose()?.map(|(users, _)| users);
        return dataset.with_unseen(Part { examples, users }, folder);
    }
    let mut files = files_called(&folder.join("train"), JSON)?;
    if files.is_empty() {
        files = files_called(folder, JSON)?;
    }
    let Some((examples, users, origins)) = load_leaf(&files)? else {
        let named = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        match files_called(folder, LINES)?.as_slice() {
            [] => {}
            [one] => return text::load_found(one),
            [first, second, ..] => {
                let (first, second) = (named(first), named(second));
                return Err(DataError::TwoTexts { folder: folder.to_owned(), first, second });
            }
        }
        // Also tells a folder that is not there from one that is empty.
        fs::read_dir(folder).map_err(|cause| DataError::Io { path: folder.to_owned(), cause })?;
        return Err(DataError::NoDataset { folder: folder.to_owned() });
    };
    let test = load_leaf(&files_called(&folder.join("test"), JSON)?)?.map(|(examples, _, origins)| (examples, origins));
    Dataset::from_files((examples, origins), Some((users, folder.to_owned())), test)
}

/// A file that is a whole data set.
fn load_file(path: &Path) -> Result<Dataset, DataError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    if LINES.iter().any(|end| name.ends_with(end)) {
        return text::load_found(path);
    }
    if ARCHIVES.iter().any(|end| name.ends_with(end)) {
        let [train, test] = leaf_archive::load(path)?;
        let nothing = || DataError::NoDataset { folder: path.to_owned() };
        let (examples, users, origins) = merged(train.into_iter().map(Ok))?.ok_or_else(nothing)?;
        let test = merged(test.into_iter().map(Ok))?.map(|(examples, _, origins)| (examples, origins));
        return Dataset::from_files((examples, origins), Some((users, path.to_owned())), test);
    }
    let leaf = JSON.iter().any(|end| name.ends_with(end)).then(|| load_leaf(&[path.to_owned()])).transpose()?.flatten();
    let (examples, users, origins) = leaf.ok_or_else(|| DataError::NoDataset { folder: path.to_owned() })?;
    Dataset::from_files((examples, origins), Some((users, path.to_owned())), None)
}

/// A file of this name, or compressed.
fn find(folder: &Path, name: &str) -> Option<PathBuf> {
    [folder.join(name), folder.join(format!("{name}.gz"))].into_iter().find(|path| path.is_file())
}

/// The examples under this prefix, in either of the formats that hold arrays of numbers.
fn load_arrays(folder: &Path, prefix: &str) -> Result<Option<(Examples, Vec<Origin>)>, DataError> {
    let tensors = find(folder, &format!("{prefix}.safetensors"));
    match (load_idx(folder, prefix)?, tensors) {
        (Some(_), Some(_)) => Err(DataError::Twice { folder: folder.to_owned(), prefix: prefix.to_owned() }),
        (None, Some(path)) => {
            let examples = tensors::load(&path)?;
            let origins = vec![Origin { indices: 0..examples.len(), path }];
            Ok(Some((examples, origins)))
        }
        (found, None) => Ok(found),
    }
}

fn load_idx(folder: &Path, prefix: &str) -> Result<Option<(Examples, Vec<Origin>)>, DataError> {
    let (images, labels) = (format!("{prefix}-images-idx3-ubyte"), format!("{prefix}-labels-idx1-ubyte"));
    let missing = |missing| Err(DataError::Incomplete { folder: folder.to_owned(), missing });
    match (find(folder, &images), find(folder, &labels)) {
        (Some(images), Some(labels)) => {
            let examples = idx::load(&images, &labels)?;
            // What a model can object to are labels, and shapes where there is no example at all.
            let origins = vec![Origin { indices: 0..examples.len(), path: labels }];
            Ok(Some((examples, origins)))
        }
        (Some(_), None) => missing(labels),
        (None, Some(_)) => missing(images),
        (None, None) => Ok(None),
    }
}

/// The files of a folder whose names end like this, by name; none when there is no such folder.
fn files_called(folder: &Path, ends: [&str; 2]) -> Result<Vec<PathBuf>, DataError> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let failed = |cause| DataError::Io { path: folder.to_owned(), cause };
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if ends.iter().any(|end| name.ends_with(end)) {
            files.push(path);
        }
    }
    files.sort_unstable();
    Ok(files)
}

/// Training examples, their users and where they came from.
type Leaf = (Examples, Vec<User>, Vec<Origin>);

/// All users of all files in one block; none when there is no file.
fn load_leaf(files: &[PathBuf]) -> Result<Option<Leaf>, DataError> {
    merged(files.iter().map(|path| Ok((path.clone(), leaf::load_file(path)?))))
}

/// The same of files as they are read.
fn merged(files: impl Iterator<Item = Result<Loaded, DataError>>) -> Result<Option<Leaf>, DataError> {
    let mut block: Option<Examples> = None;
    let (mut users, mut origins) = (Vec::new(), Vec::new());
    for file in files {
        let (path, loaded) = file?;
        let start = block.as_ref().map_or(0, Examples::len);
        for (name, examples) in loaded {
            let offset = block.as_ref().map_or(0, Examples::len);
            users.push(User { name, indices: offset..offset + examples.len() });
            match &mut block {
                None => block = Some(examples),
                Some(block) if block.is_empty() => *block = examples,
                Some(_) if examples.is_empty() => {}
                Some(block) => {
                    block.append(&examples).map_err(|cause| DataError::Examples { path: path.clone(), cause })?
                }
            }
        }
        origins.push(Origin { indices: start..block.as_ref().map_or(0, Examples::len), path });
    }
    Ok(block.map(|block| (block, users, origins)))
}
