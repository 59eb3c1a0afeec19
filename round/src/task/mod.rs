//! stub
pub type TaskHash = murmur_privacy::Digest;
