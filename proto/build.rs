//! Compiles the wire's description; no `protoc` is needed.

use std::{env, error::Error, fs, path::Path};

fn main() -> Result<(), Box<dyn Error>> {
    let root = env::var("CARGO_MANIFEST_DIR")?;
    println!("cargo::rerun-if-changed=murmur");
    let mut compiler = protox::Compiler::new([&root])?;
    compiler.include_source_info(true).include_imports(true);
    compiler.open_files(["murmur/v1/device.proto", "murmur/v1/admin.proto"])?;
    fs::write(Path::new(&env::var("OUT_DIR")?).join("murmur.v1.descriptors"), compiler.encode_file_descriptor_set())?;
    tonic_prost_build::configure()
        .build_client(env::var_os("CARGO_FEATURE_CLIENT").is_some())
        .build_server(env::var_os("CARGO_FEATURE_SERVER").is_some())
        .build_transport(false)
        .bytes(".murmur.v1")
        .compile_fds(compiler.file_descriptor_set())?;
    Ok(())
}
