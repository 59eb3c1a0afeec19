//! Parquet files, whose rows are read as if they were lines of text: what a column means is said by the table either way.

use std::panic::AssertUnwindSafe;

use bytes::Bytes;
use csv::{Position, StringRecord};
use parquet::{
    errors::ParquetError,
    file::{
        metadata::FileMetaData,
        reader::{FileReader as _, SerializedFileReader},
    },
    record::{Field, Row, reader::RowIter},
};

use super::{LIMIT, TableError};

/// First and last bytes of a Parquet file.
const MAGIC: &[u8] = b"PAR1";

/// Whether the bytes say that they are Parquet.
pub(super) fn is(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

/// Names of the columns, and every row as a record of text whose line is the row, counted from 1. A truth is 1 or 0, a missing value is empty.
///
/// # Errors
/// [`TableError::Unreadable`], [`TableError::NestedColumn`], [`TableError::TooLong`], [`TableError::Field`].
pub(super) fn read(bytes: Vec<u8>) -> Result<(StringRecord, Vec<StringRecord>), TableError> {
    // The library asserts some things of a file that a damaged one does not keep. What it leaves half done is dropped with it.
    let read = std::panic::catch_unwind(AssertUnwindSafe(|| rows(bytes)));
    read.unwrap_or_else(|_| Err(TableError::Unreadable { what: "Parquet: the file contradicts itself".to_owned() }))
}

fn rows(bytes: Vec<u8>) -> Result<(StringRecord, Vec<StringRecord>), TableError> {
    let reader = SerializedFileReader::new(Bytes::from(bytes))?;
    let names = names(reader.metadata().file_metadata())?;
    let (mut left, mut records) = (LIMIT, Vec::new());
    for (row, number) in RowIter::from_file_into(Box::new(reader)).zip(1..) {
        let record = record(&row?, number, &names)?;
        left = left.checked_sub(record.as_slice().len() as u64).ok_or(TableError::TooLong { limit: LIMIT })?;
        records.push(record);
    }
    Ok((names, records))
}

fn names(metadata: &FileMetaData) -> Result<StringRecord, TableError> {
    let columns = metadata.schema().get_fields();
    match columns.iter().find(|column| !column.is_primitive()) {
        Some(nested) => Err(TableError::NestedColumn { column: nested.name().to_owned() }),
        None => Ok(columns.iter().map(|column| column.name()).collect()),
    }
}

fn record(row: &Row, number: u64, columns: &StringRecord) -> Result<StringRecord, TableError> {
    let mut record = StringRecord::with_capacity(64, columns.len());
    let mut position = Position::new();
    position.set_line(number);
    record.set_position(Some(position));
    for (column, field) in row.get_column_iter() {
        let text = text(field).ok_or_else(|| TableError::Field {
            line: number,
            column: column.clone(),
            expected: "a number, a truth or text",
            found: field.to_string().chars().take(40).collect(),
        })?;
        record.push_field(text.trim());
    }
    Ok(record)
}

/// A value as a file of comma-separated values would have it; none for what such a file has no one way to write.
fn text(field: &Field) -> Option<String> {
    Some(match field {
        Field::Null => String::new(),
        Field::Bool(truth) => u8::from(*truth).to_string(),
        Field::Byte(number) => number.to_string(),
        Field::Short(number) => number.to_string(),
        Field::Int(number) => number.to_string(),
        Field::Long(number) => number.to_string(),
        Field::UByte(number) => number.to_string(),
        Field::UShort(number) => number.to_string(),
        Field::UInt(number) => number.to_string(),
        Field::ULong(number) => number.to_string(),
        Field::Float16(number) => number.to_f64().to_string(),
        Field::Float(number) => number.to_string(),
        Field::Double(number) => number.to_string(),
        Field::Str(text) => text.clone(),
        _ => return None,
    })
}

impl From<ParquetError> for TableError {
    fn from(error: ParquetError) -> Self {
        Self::Unreadable { what: format!("Parquet: {error}") }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use parquet::{
        data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type},
        file::{properties::WriterProperties, writer::SerializedFileWriter},
        schema::parser::parse_message_type,
    };

    use super::*;

    /// Three rows; the last has no age.
    fn file(schema: &str) -> Vec<u8> {
        let schema = Arc::new(parse_message_type(schema).unwrap());
        let mut writer =
            SerializedFileWriter::new(Vec::new(), schema, Arc::new(WriterProperties::builder().build())).unwrap();
        let mut group = writer.next_row_group().unwrap();
        let sites: Vec<ByteArray> = ["north", " south ", "north"].map(ByteArray::from).to_vec();
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<ByteArrayType>().write_batch(&sites, None, None).unwrap();
        column.close().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<DoubleType>().write_batch(&[40.1, 1e-300], Some(&[1, 1, 0]), None).unwrap();
        column.close().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<Int64Type>().write_batch(&[0, 1, i64::MAX], None, None).unwrap();
        column.close().unwrap();
        group.close().unwrap();
        writer.into_inner().unwrap()
    }

    const SCHEMA: &str = "message rows { required binary site (UTF8); optional double age; required int64 sick; }";

    #[test]
    fn rows_are_records_of_text() {
        let bytes = file(SCHEMA);
        assert!(is(&bytes));
        let (names, rows) = read(bytes).unwrap();
        let fields = |record: &StringRecord| record.iter().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(fields(&names), ["site", "age", "sick"]);
        assert_eq!(fields(&rows[0]), ["north", "40.1", "0"]);
        assert_eq!(fields(&rows[1]), ["south", &1e-300_f64.to_string(), "1"]);
        assert_eq!(fields(&rows[2]), ["north", "", "9223372036854775807"]);
        assert_eq!(rows[2].position().unwrap().line(), 3);
    }

    #[test]
    fn what_is_no_number_truth_or_text_is_refused_by_name() {
        let timed = SCHEMA.replace("int64 sick", "int64 sick (TIMESTAMP(MILLIS,true))");
        let error = read(file(&timed)).err().unwrap().to_string();
        assert!(error.contains("line 1, column \"sick\"") && error.contains("a number, a truth or text"), "{error}");
        let nested = "message rows { required group site { required binary name (UTF8); } optional double age; required int64 sick; }";
        let error = read(file(nested)).err().unwrap().to_string();
        assert!(error.contains("\"site\" holds lists or columns"), "{error}");
    }

    #[test]
    fn a_broken_file_is_an_error_and_no_panic() {
        let whole = file(SCHEMA);
        assert!(read(whole[..whole.len() - 1].to_vec()).is_err() && read(MAGIC.to_vec()).is_err());
        let mut refused = 0;
        for place in 0..whole.len() {
            for flipped in [0x01, 0x80, 0xff] {
                let mut broken = whole.clone();
                broken[place] ^= flipped;
                refused += usize::from(read(broken).is_err());
            }
        }
        assert!(refused > 100, "{refused}");
    }
}
