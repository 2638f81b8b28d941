use super::*;

fn mode_of(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o7777
}

fn names_in(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_file_is_replaced_whole_with_the_asked_mode_and_nothing_left_behind() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    write_atomic(&path, b"old and longer", 0o644).unwrap();
    write_atomic(&path, b"new", 0o600).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"new");
    assert_eq!(mode_of(&path), 0o600);
    assert_eq!(names_in(folder.path()), ["key"]);
}

#[test]
fn a_failed_write_leaves_the_old_file_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    // A folder in the way: the rename fails after the bytes were written.
    let path = folder.path().join("target");
    fs::create_dir(&path).unwrap();
    fs::write(path.join("inside"), b"x").unwrap();
    let error = write_atomic(&path, b"new", 0o600).unwrap_err();
    assert!(error.to_string().contains("target"), "{error}");
    assert_eq!(names_in(folder.path()), ["target"]);
    assert_eq!(fs::read(path.join("inside")).unwrap(), b"x");
}

#[test]
fn a_missing_folder_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let error = write_atomic(&folder.path().join("no/such/file"), b"x", 0o600).unwrap_err();
    assert!(error.is_not_found());
    assert!(error.to_string().contains("no/such"), "{error}");
}

#[test]
fn a_full_disk_is_told_apart_and_leaves_nothing_behind() {
    // /dev/full answers every write as a full disk does.
    let error = io_error("write", Path::new("/dev/full"))(
        OpenOptions::new().write(true).open("/dev/full").unwrap().write_all(b"x").unwrap_err(),
    );
    assert!(error.is_full() && !error.is_not_found());
}

#[test]
fn a_read_is_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    fs::write(&path, [7; 100]).unwrap();
    assert_eq!(read_bounded(&path, 100).unwrap(), [7; 100]);
    assert!(matches!(read_bounded(&path, 99), Err(FileError::TooLong { max: 99, .. })));
    // A file whose length says nothing is bounded all the same.
    assert!(matches!(read_bounded(Path::new("/dev/zero"), 1000), Err(FileError::TooLong { .. })));
}

#[test]
fn a_secret_that_others_can_read_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    write_atomic(&path, b"secret", 0o600).unwrap();
    assert_eq!(read_secret(&path, 100).unwrap().as_slice(), b"secret");
    write_atomic(&path, b"secret", 0o400).unwrap();
    assert!(read_secret(&path, 100).is_ok());
    for mode in [0o640, 0o604, 0o620, 0o610, 0o644, 0o666] {
        write_atomic(&path, b"secret", mode).unwrap();
        let error = read_secret(&path, 100).unwrap_err();
        assert!(matches!(error, FileError::Exposed { mode: m, .. } if m == mode), "{error}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}

#[test]
fn a_credential_may_show_the_mask_of_its_access_list_but_not_be_open_to_others() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    write_atomic(&path, b"secret", 0o440).unwrap();
    assert!(read_credential(&path, 100).is_ok());
    write_atomic(&path, b"secret", 0o444).unwrap();
    assert!(matches!(read_credential(&path, 100), Err(FileError::Exposed { .. })));
}

#[test]
fn a_secret_is_never_read_from_a_pipe_or_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &pipe,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o600),
        0,
    )
    .unwrap();
    assert!(matches!(read_secret(&pipe, 100), Err(FileError::NotAFile { .. })));
    assert!(matches!(read_secret(folder.path(), 100), Err(FileError::NotAFile { .. })));
}

#[test]
fn a_private_folder_is_private_even_where_it_was_not() {
    let folder = tempfile::tempdir().unwrap();
    let deep = folder.path().join("a/b");
    create_dir_private(&deep).unwrap();
    assert_eq!(mode_of(&deep), 0o700);
    fs::set_permissions(&deep, Permissions::from_mode(0o755)).unwrap();
    create_dir_private(&deep).unwrap();
    assert_eq!(mode_of(&deep), 0o700);
}

#[test]
fn what_is_there_already_is_not_written_over() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    write_new(&path, b"first", 0o600).unwrap();
    assert_eq!((fs::read(&path).unwrap().as_slice(), mode_of(&path)), (&b"first"[..], 0o600));
    // Not a file, and not a link that leads nowhere.
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(folder.path().join("nowhere"), &link).unwrap();
    for taken in [&path, &link] {
        match write_new(taken, b"second", 0o600).unwrap_err() {
            FileError::Io { source, .. } => assert_eq!(source.kind(), io::ErrorKind::AlreadyExists),
            other => panic!("{other}"),
        }
    }
    assert_eq!(fs::read(&path).unwrap(), b"first");
    assert_eq!(names_in(folder.path()), ["file", "link"], "nothing is left behind");
}

#[test]
fn where_others_put_things_no_link_is_followed_and_no_pipe_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let [path, link, pipe] = ["file", "link", "pipe"].map(|name| folder.path().join(name));
    fs::write(&path, "text").unwrap();
    std::os::unix::fs::symlink(&path, &link).unwrap();
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    assert_eq!(read_regular(&path, 4).unwrap(), b"text");
    assert!(matches!(read_regular(&path, 3), Err(FileError::TooLong { .. })));
    assert!(matches!(read_regular(&link, 4), Err(FileError::Io { .. })));
    assert!(matches!(read_regular(&pipe, 4), Err(FileError::NotAFile { .. })));
    assert!(read_regular(&folder.path().join("none"), 4).unwrap_err().is_not_found());
}
