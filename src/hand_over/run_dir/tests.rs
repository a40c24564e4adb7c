use super::*;

fn open(asked: &Path) -> Result<RunDir, Error> {
    RunDir::open(&RunDirPlaces::new(Some(asked), None))
}

#[test]
fn files_are_closed_to_others_and_gone_at_the_end() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("run");
    let dir = open(&path).unwrap();
    let file = dir.write("vm.args", b"-name a@b\n", RunFileMode::PRIVATE).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o700);
    assert_eq!(fs::metadata(&file).unwrap().mode() & 0o777, 0o600);
    assert_eq!(fs::read(&file).unwrap(), b"-name a@b\n");
    dir.make_dir("tmp", RunFileMode { mode: 0o700, owner: None }).unwrap();
    drop(dir);
    assert!(!path.exists());
}

#[test]
fn a_directory_in_use_is_refused_and_what_the_dead_left_is_taken() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("run");
    let first = open(&path).unwrap();
    let error = open(&path).unwrap_err();
    assert_eq!(error.code, exit::CANNOT_CREATE);
    assert!(error.to_string().contains("another beaminit has it"), "{error}");
    drop(first);
    DirBuilder::new().mode(0o700).create(&path).unwrap();
    fs::write(path.join("vm.args"), "left over").unwrap();
    fs::write(path.join(".unfinished-x"), "killed while it wrote").unwrap();
    let second = open(&path).unwrap();
    assert_eq!(fs::read_dir(second.path()).unwrap().count(), 0);
}

#[test]
fn what_killed_processes_left_beside_it_is_removed_and_what_living_ones_use_is_not() {
    let parent = tempfile::tempdir().unwrap();
    let name = |end: &str| parent.path().join(prefix() + end);
    let [dead, living, own] = [name("1"), name("2"), name("3")];
    let foreign = parent.path().join("cache");
    for path in [&dead, &foreign] {
        DirBuilder::new().mode(0o700).create(path).unwrap();
    }
    fs::write(dead.join("vm.args"), "-setcookie sesame").unwrap();
    let _living = RunDir::take(&living).unwrap();
    let _own = RunDir::take(&own).unwrap().without_leftovers();
    assert_eq!([dead, living, own, foreign].map(|path| path.exists()), [false, true, true, true]);
}

#[test]
fn neighbours_that_start_at_once_leave_each_other_theirs() {
    let parent = tempfile::tempdir().unwrap();
    let start = |number: usize| {
        let path = parent.path().join(format!("{}{number}", prefix()));
        for _ in 0..100 {
            let dir = RunDir::take(&path).expect("it is nobody else's").without_leftovers();
            let file = dir.write("vm.args", b"-name a@b\n", RunFileMode::PRIVATE).expect("nobody removed it");
            assert!(file.exists(), "{}", file.display());
        }
    };
    thread::scope(|scope| (0..4).for_each(|number| drop(scope.spawn(move || start(number)))));
}

#[test]
fn a_directory_of_other_peoples_files_is_left_as_it_is() {
    let parent = tempfile::tempdir().unwrap();
    // As a directory of ours is but for what it holds.
    fs::set_permissions(parent.path(), fs::Permissions::from_mode(0o700)).unwrap();
    fs::write(parent.path().join("precious"), "data").unwrap();
    let dir = open(parent.path()).unwrap();
    assert_eq!(dir.path().parent(), Some(parent.path()));
    drop(dir);
    assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 1);
}

#[test]
fn a_guest_takes_neither_what_a_start_has_nor_what_it_will_want() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("run");
    let places = RunDirPlaces::new(Some(&path), None);
    let early = RunDir::open_beside_an_init(&places).unwrap();
    assert!(!path.exists() && !places.of_a_start().any(|place| place == early.path()), "{early:?}");
    let start = RunDir::open(&places).unwrap();
    let guest = RunDir::open_beside_an_init(&places).unwrap();
    assert_eq!((start.path(), guest.path().parent()), (path.as_path(), Some(path.as_path())));
    drop(guest);
    assert_eq!(fs::read_dir(&path).unwrap().count(), 0);
}

#[test]
fn a_start_may_have_its_directory_wherever_exec_looks() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("run");
    let places = RunDirPlaces::new(Some(&path), None);
    assert_eq!(RunDir::open(&places).unwrap().path(), places.of_a_start().next().unwrap());
    fs::create_dir(&path).unwrap();
    let deeper = RunDir::open(&places).unwrap();
    assert!(places.of_a_start().any(|place| place == deeper.path()));
}

#[test]
fn the_place_that_is_foreseen_is_the_one_that_is_taken_and_nothing_is_made() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("run");
    let places = RunDirPlaces::new(Some(&path), None);
    let foreseen = RunDir::foresee(&places).unwrap();
    assert!(!path.exists());
    let dir = RunDir::open(&places).unwrap();
    assert_eq!(dir.path(), foreseen);
    let refused = RunDir::foresee(&places).unwrap_err();
    assert!(refused.to_string().contains("another beaminit has it"), "{refused}");
    drop(dir);
    DirBuilder::new().mode(0o700).create(&path).unwrap();
    assert_eq!(RunDir::foresee(&places).unwrap(), path, "what the dead left");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    let deeper = RunDir::foresee(&places).unwrap();
    assert_eq!(fs::read_dir(&path).unwrap().count(), 0);
    assert_eq!(RunDir::open(&places).unwrap().path(), deeper);
}

#[test]
fn what_cannot_be_made_is_refused_and_foreseen_with_the_same_reason() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().join("run");
    let places = RunDirPlaces::new(Some(&path), None);
    let foreseen = RunDir::foresee(&places).unwrap_err();
    assert_eq!(foreseen, RunDir::open(&places).unwrap_err());
    assert!(foreseen.to_string().contains(&format!("{}: not a directory", path.display())), "{foreseen}");
}

#[test]
fn what_cannot_be_written_is_named_with_the_cure() {
    let parent = tempfile::tempdir().unwrap();
    let dir = open(&parent.path().join("run")).unwrap();
    let tmp = dir.make_dir("tmp", RunFileMode { mode: 0o700, owner: None }).unwrap();
    for failed in
        [dir.make_dir("tmp", RunFileMode { mode: 0o700, owner: None }), dir.write("tmp", b"", RunFileMode::PRIVATE)]
    {
        let failed = failed.unwrap_err();
        assert_eq!(failed.code, exit::CANNOT_CREATE);
        let said = failed.to_string();
        assert!(said.contains(&format!("cannot write {}: ", tmp.display())), "{said}");
        assert!(said.contains("hint: make room in ") && said.contains("BEAMINIT_RUN_DIR"), "{said}");
    }
}

#[test]
fn tmpdir_is_a_place_unless_it_depends_on_where_we_stand() {
    let has = |dir: &str| {
        let places = RunDirPlaces::new(None, Some(Path::new(dir)));
        places.of_a_start().any(|place| place.starts_with(dir))
    };
    assert!(has("/var/scratch") && !has("scratch") && !has("./scratch"));
}

#[test]
fn a_link_to_elsewhere_is_not_followed() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("run");
    std::os::unix::fs::symlink(parent.path(), &path).unwrap();
    assert!(RunDir::take(&path).is_err());
}
