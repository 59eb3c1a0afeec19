//! Compiles the wire's description; no `protoc` is needed.

use std::{env, error::Error};

fn main() -> Result<(), Box<dyn Error>> {
    let root = env::var("CARGO_MANIFEST_DIR")?;
    println!("cargo::rerun-if-changed=murmur");
    let files = protox::compile([format!("{root}/murmur/v1/device.proto")], [root])?;
    tonic_prost_build::configure()
        .build_client(env::var_os("CARGO_FEATURE_CLIENT").is_some())
        .build_server(env::var_os("CARGO_FEATURE_SERVER").is_some())
        .build_transport(false)
        .bytes(".murmur.v1")
        .compile_fds(files)?;
    Ok(())
}
