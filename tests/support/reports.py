"""Test programs in other languages: each case prints "ok NAME" or "not ok NAME: why", and "done" comes last."""
import subprocess


def expect_reports(test, command, env=None, timeout_s=240):
    """Runs the command; every case that is not ok is a failed subtest of `test`, and so is an early end."""
    run = subprocess.run(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                         timeout=timeout_s, check=False)
    lines = run.stdout.splitlines()
    cases = [line for line in lines if line.startswith(("ok ", "not ok "))]
    for line in cases:
        with test.subTest(line.split(":")[0].removeprefix("not ").removeprefix("ok ")):
            test.assertTrue(line.startswith("ok "), line)
    with test.subTest("the whole program"):
        test.assertIn("done", lines, run.stdout)
        test.assertTrue(cases, run.stdout)
        test.assertEqual(run.returncode, 0, run.stdout)
