//! Colours only where somebody sees them, and silence where it is asked for.

use crate::world::World;

/// Begins every colour.
const ESCAPE: char = '\u{1b}';

fn streams(world: &World, arguments: &[&str], variables: &[(&str, &str)]) -> [String; 2] {
    let mut command = world.command(arguments);
    for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE"] {
        command.env_remove(name);
    }
    let output = command.envs(variables.iter().copied()).output().unwrap();
    [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap())
}

#[test]
fn colours_are_for_terminals_and_no_color_ends_them() {
    let world = World::new();
    for arguments in [["run", "scenario.toml"], ["run", "nowhere.toml"]] {
        let forced = streams(&world, &arguments, &[("CLICOLOR_FORCE", "1")]);
        assert!(forced.iter().any(|stream| stream.contains(ESCAPE)), "there is something to be coloured: {forced:?}");
        for variables in [&[][..], &[("NO_COLOR", "1")]] {
            let plain = streams(&world, &arguments, variables);
            assert!(!plain.iter().any(|stream| stream.contains(ESCAPE)), "{variables:?}: {plain:?}");
        }
    }
    // As a person asks for it at a terminal, which this test is none of.
    let both = streams(&world, &["run", "scenario.toml", "--json"], &[("CLICOLOR_FORCE", "1")]);
    assert!(!both[0].contains(ESCAPE), "a script reads this: {}", both[0]);
}

#[test]
fn quiet_says_nothing_but_the_result_before_or_after_the_command() {
    let world = World::new();
    for arguments in
        [["run", "scenario.toml", "--quiet"], ["--quiet", "run", "scenario.toml"], ["-q", "check", "scenario.toml"]]
    {
        let [stdout, stderr] = streams(&world, &arguments, &[]);
        assert_eq!(stderr, "", "{arguments:?}");
        assert!(stdout.contains("adversary"), "{arguments:?}: {stdout}");
    }
    assert!(streams(&world, &["run", "scenario.toml"], &[])[1].contains("guarantee for 12 devices"));
}
