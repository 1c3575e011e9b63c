//! `verta-sync man`: the man pages, generated from the command line's definition.

use std::ffi::OsString;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use super::command_context::display_path;
use super::{Failure, FailureKind, Outcome, print_result};
use crate::exit_code::ExitCode;
use crate::files::{FileError, OwnFolder, resolve};

/// Permissions of a man page.
const PAGE_MODE: u32 = 0o644;
/// Permissions of the folder, if it is created.
const FOLDER_MODE: u32 = 0o755;

/// Generate man pages
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: verta-sync man --out ~/.local/share/man/man1")]
pub struct ManArgs {
    /// Write a page per command into this folder [default: the main page to stdout]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// Prints the man page of `command`, the program's root command, or writes a page for it
/// and for each of its subcommands into a folder.
///
/// # Errors
/// Returns a [`Failure`] if stdout or the folder can't be written.
pub fn run(args: &ManArgs, command: clap::Command) -> Result<Outcome, Failure> {
    let pages = pages(command);
    match &args.out {
        Some(folder) => write_pages(&pages, folder).map_err(|error| {
            Failure::new(
                FailureKind::Usage,
                format!("cannot write man pages to {}: {error}", display_path(folder)),
            )
            .hint("use an existing folder that this user may write")
        })?,
        // The root command's page is the last one.
        None => print_result(pages.last().map_or("", |page| page.text.as_str()))?,
    }
    Ok(Outcome::Done)
}

/// A man page in roff.
struct Page {
    /// For example `verta-sync-start.1`.
    file_name: String,
    text: String,
}

/// The pages of the subcommands, then that of the root command.
fn pages(command: clap::Command) -> Vec<Page> {
    let mut command = command.disable_help_subcommand(true);
    command.build();
    let version = command.get_version().unwrap_or_default().to_owned();
    let subcommands = command.get_subcommands().filter(|subcommand| !subcommand.is_hide_set()).cloned();
    let mut pages: Vec<Page> = subcommands.map(|subcommand| page(subcommand, &version)).collect();
    let mut root = page(command, &version);
    root.text.push_str(&exit_status());
    pages.push(root);
    pages
}

fn page(command: clap::Command, version: &str) -> Page {
    // Without a date, so that the same version writes the same bytes.
    let man = Man::new(command).source(format!("verta-sync {version}")).manual("verta-sync");
    let mut text = Vec::new();
    // Writing to memory doesn't fail.
    man.render(&mut text).ok();
    Page { file_name: man.get_filename(), text: String::from_utf8_lossy(&text).into_owned() }
}

/// The section on exit codes.
fn exit_status() -> String {
    let mut roff = Roff::new();
    roff.control("SH", ["EXIT STATUS"]);
    for code in ExitCode::ALL {
        roff.control("TP", []);
        roff.text([bold(code.number().to_string())]);
        roff.text([roman(code.meaning().replace('`', ""))]);
    }
    roff.render()
}

/// Writes the pages, each by a rename, so that none is ever incomplete.
fn write_pages(pages: &[Page], folder: &Path) -> Result<(), FileError> {
    let path = resolve(folder).unwrap_or_else(|_| folder.to_owned());
    let folder = OwnFolder::open_or_create(&path, FOLDER_MODE)?;
    for page in pages {
        let name = OsString::from(&page.file_name);
        let temporary = OsString::from(format!(".{}.new", page.file_name));
        folder.remove(&temporary)?;
        let mut file = folder.create_file(&temporary, PAGE_MODE)?;
        file.write_all(page.text.as_bytes())
            .map_err(|error| FileError::Io { path: path.clone(), source: error })?;
        folder.rename(&temporary, &name)?;
    }
    Ok(())
}
