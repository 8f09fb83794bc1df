//! Installs rivals under the target directory, once.

use super::Setting;
use crate::house::{self, House};
use anyhow::{Context, ensure};
use std::fs;
use std::path::{Path, PathBuf};

/// NATS, with JetStream in it.
pub const NATS_VERSION: &str = "2.15.2";
/// Apache Kafka.
pub const KAFKA_VERSION: &str = "4.4.0";
/// What Kafka logs with; without one it warns, with this one it is silent.
const SLF4J_VERSION: &str = "1.7.36";
const KINESIS_MOCK_VERSION: &str = "0.6.2";
const MOTO_VERSION: &str = "5.2.5";

/// The binary of ferrokinesis 0.7.0, built when it is not there.
///
/// # Errors
/// When it cannot be fetched or built.
pub fn ferrokinesis(setting: &Setting) -> anyhow::Result<PathBuf> {
    let root = setting.house.target().join("rivals");
    let binary = root.join("bin/ferrokinesis");
    if !binary.is_file() {
        let mut cargo = setting.house.command("cargo");
        cargo.args(["install", "ferrokinesis@0.7.0", "--locked", "--root"]).arg(&root);
        house::run(cargo.env("CARGO_TARGET_DIR", root.join("build"))).context("install ferrokinesis")?;
    }
    ensure!(binary.is_file(), "cargo left no {}", binary.display());
    Ok(binary)
}

/// The command of kinesalite 3.3.3, fetched when it is not there.
///
/// # Errors
/// When npm is missing or cannot fetch it.
pub fn kinesalite(setting: &Setting) -> anyhow::Result<PathBuf> {
    let root = setting.house.target().join("rivals");
    let command = root.join("node_modules/.bin/kinesalite");
    if !command.is_file() {
        std::fs::create_dir_all(&root)?;
        let mut npm = setting.house.command("npm");
        npm.args(["install", "kinesalite@3.3.3", "--omit=optional", "--no-audit", "--no-fund", "--prefix"]).arg(&root);
        house::run(npm.stdout(std::io::stderr())).context("install kinesalite")?;
    }
    ensure!(command.is_file(), "npm left no {}", command.display());
    Ok(command)
}

/// The folder of kinesis-mock, fetched when it is not there.
///
/// # Errors
/// When npm is missing or cannot fetch it.
pub fn kinesis_mock(setting: &Setting) -> anyhow::Result<PathBuf> {
    let root = folder(setting.house, "kinesis-mock", KINESIS_MOCK_VERSION)?;
    let package = root.join("node_modules/kinesis-local");
    if !package.join("main.js").is_file() {
        let mut npm = setting.house.command("npm");
        npm.args(["install", &format!("kinesis-local@{KINESIS_MOCK_VERSION}"), "--no-audit", "--no-fund", "--prefix"]);
        house::run(npm.arg(&root).stdout(std::io::stderr())).context("install kinesis-mock")?;
    }
    ensure!(package.join("main.js").is_file(), "npm left no {}", package.display());
    Ok(package)
}

/// The command of moto, in an environment of its own.
///
/// # Errors
/// When Python is missing or pip cannot fetch it.
pub fn moto(setting: &Setting) -> anyhow::Result<PathBuf> {
    let root = folder(setting.house, "moto", MOTO_VERSION)?;
    let command = root.join("bin/moto_server");
    if !command.is_file() {
        let mut python = setting.house.command("python3");
        house::run(python.args(["-m", "venv"]).arg(&root)).context("an environment for moto")?;
        let mut pip = setting.house.command(root.join("bin/pip"));
        pip.args(["install", "--quiet", &format!("moto[server]=={MOTO_VERSION}")]);
        house::run(pip.stdout(std::io::stderr())).context("install moto")?;
    }
    ensure!(command.is_file(), "pip left no {}", command.display());
    Ok(command)
}

/// The binary of nats-server, built when it is not there.
///
/// # Errors
/// When Go is missing or cannot fetch or build it.
pub fn nats_server(setting: &Setting) -> anyhow::Result<PathBuf> {
    let root = folder(setting.house, "nats", NATS_VERSION)?;
    let binary = root.join("nats-server");
    if !binary.is_file() {
        let mut go = setting.house.command("go");
        go.args(["install", &format!("github.com/nats-io/nats-server/v2@v{NATS_VERSION}")]);
        house::run(go.env("GOBIN", &root)).context("install nats-server")?;
    }
    ensure!(binary.is_file(), "go left no {}", binary.display());
    Ok(binary)
}

/// The folder with Kafka's jars and those they need, fetched when it is not there.
///
/// # Errors
/// When Java or Maven is missing, or it cannot be fetched.
pub fn kafka(setting: &Setting) -> anyhow::Result<PathBuf> {
    ensure!(house::works(setting.house.command("java").arg("-version")), "java is not installed");
    let root = folder(setting.house, "kafka", KAFKA_VERSION)?;
    // Maven may end half-way: the jars count once this file is there.
    let (jars, complete) = (root.join("jars"), root.join("complete"));
    if !complete.is_file() {
        fs::write(root.join("pom.xml"), kafka_pom())?;
        let mut mvn = setting.house.command("mvn");
        mvn.args(["--quiet", "--batch-mode", "--file"]).arg(root.join("pom.xml"));
        mvn.args(["dependency:copy-dependencies", "-DincludeScope=runtime"]);
        mvn.arg(format!("-DoutputDirectory={}", jars.display()));
        house::run(mvn.stdout(std::io::stderr())).context("install Kafka")?;
        fs::write(complete, "")?;
    }
    Ok(jars)
}

/// Where a rival of this version is installed; made when it is not there.
fn folder(house: &House, name: &str, version: &str) -> anyhow::Result<PathBuf> {
    let folder = versioned(&house.target().join("rivals"), name, version);
    fs::create_dir_all(&folder)?;
    Ok(folder)
}

/// Another version is another folder, so that a change of the pin installs it.
fn versioned(rivals: &Path, name: &str, version: &str) -> PathBuf {
    rivals.join(format!("{name}-{version}"))
}

/// What Maven is to fetch.
fn kafka_pom() -> String {
    let dependency = |group: &str, artifact: &str, version: &str| {
        format!(
            "    <dependency><groupId>{group}</groupId><artifactId>{artifact}</artifactId>\
             <version>{version}</version></dependency>\n"
        )
    };
    let kafka = ["kafka_2.13", "kafka-server", "kafka-tools"];
    let kafka = kafka.map(|artifact| dependency("org.apache.kafka", artifact, KAFKA_VERSION));
    let logger = dependency("org.slf4j", "slf4j-nop", SLF4J_VERSION);
    format!(
        "<project xmlns=\"http://maven.apache.org/POM/4.0.0\">\n  <modelVersion>4.0.0</modelVersion>\n  \
         <groupId>bench</groupId>\n  <artifactId>kafka</artifactId>\n  <version>1</version>\n  \
         <dependencies>\n{}{logger}  </dependencies>\n</project>\n",
        kafka.concat()
    )
}

#[cfg(test)]
mod tests {
    use super::super::contestant::Contestant;
    use super::*;

    #[test]
    fn another_version_lies_in_another_folder() {
        let folder = |version| versioned(Path::new("rivals"), "kafka", version);
        assert_eq!(folder("4.4.0"), Path::new("rivals/kafka-4.4.0"));
        assert_ne!(folder("4.4.0"), folder("4.4.1"));
    }

    #[test]
    fn the_tables_name_the_versions_that_are_installed() {
        assert!(Contestant::KinesisMock.name().ends_with(KINESIS_MOCK_VERSION));
        assert!(Contestant::Moto.name().ends_with(MOTO_VERSION));
    }

    #[test]
    fn all_of_kafka_is_of_one_version() {
        let pom = kafka_pom();
        assert_eq!(pom.matches(KAFKA_VERSION).count(), 3, "{pom}");
        assert!(pom.contains("<artifactId>kafka-tools</artifactId><version>"), "{pom}");
    }
}
