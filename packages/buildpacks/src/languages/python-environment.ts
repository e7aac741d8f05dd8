// Where does a Python app find `python`, `pip` and its packages, wherever it is unpacked?
import { join } from 'node:path'
import { BuildFailure } from '@deis/ports/builder'
import type { BuildContext } from '../context.ts'

/** In the app: a virtual environment, which needs nothing but its own place once its scripts do not name another one. */
const environmentFolder = '.deis/python'

export const profile = `export VIRTUAL_ENV="$HOME/${environmentFolder}"
export PATH="$VIRTUAL_ENV/bin:$PATH"
export PYTHONUNBUFFERED="\${PYTHONUNBUFFERED:-1}"
`

// Scripts name the interpreter of the folder they were installed in; afterwards they take the one on PATH. Packages that come
// from the app itself note the folder that it was built in, which is gone afterwards: in it they are found by the way there.
const makePortable = `
import glob, os, re, shutil, sys
app, folder = sys.argv[1:]
def change(path, pattern, text, count=1):
    with open(path, "rb") as file:
        old = file.read()
    new = re.sub(pattern, text, old, count=count)
    if new != old:
        with open(path, "wb") as file:
            file.write(new)
shebang = rb"\\A(#!/bin/sh\\n'''exec' .*\\n' '''|#!.*python.*)\\n"
for path in glob.glob(folder + "/bin/*"):
    if os.path.basename(path).lower().startswith("activate"):
        os.remove(path)
    elif os.path.isfile(path) and not os.path.islink(path):
        change(path, shebang, b"#!/usr/bin/env python\\n")
change(folder + "/pyvenv.cfg", rb"(?m)^(command|executable) *=.*\\n", b"", 0)
for site in glob.glob(folder + "/lib/python*/site-packages"):
    for path in glob.glob(site + "/*.dist-info/direct_url.json"):
        os.remove(path)
        change(os.path.dirname(path) + "/RECORD", rb"(?m)^[^\\n]*/direct_url\\.json,.*\\n", b"")
    # Their hashes are of the scripts as they were before.
    for path in glob.glob(site + "/*.dist-info/RECORD"):
        change(path, rb"(?m)^([./]*/bin/[^,\\n]*),[^\\n]*$", rb"\\1,,", 0)
    here = re.escape(app.encode())
    up = os.path.relpath(app, site).encode()
    for path in glob.glob(site + "/*.pth"):
        change(path, rb"(?m)^" + here + rb"(?=/|$)", lambda _: up, 0)
    for path in glob.glob(site + "/__editable__*.py"):
        text = lambda found: b"__import__('os').path.normpath(__import__('os').path.join(__import__('os').path.dirname(__file__), '" + up + found[1] + b"'))"
        change(path, rb"'" + here + rb"(/[^']*|)'", text, 0)
for root, folders, _ in os.walk(folder):
    if "__pycache__" in folders:
        shutil.rmtree(os.path.join(root, "__pycache__"))
`

// As ensurepip does it, from the wheel that comes with Python, but without compiling all of pip, which takes seconds.
const installPip = `
import ensurepip, glob, os, runpy, sys, sysconfig
folders = [sysconfig.get_config_var("WHEEL_PKG_DIR"), os.path.join(os.path.dirname(ensurepip.__file__), "_bundled")]
wheels = [wheel for folder in folders if folder for wheel in sorted(glob.glob(folder + "/pip-*.whl"))]
if not wheels:
    sys.exit("there is no wheel of pip")
sys.path.insert(0, wheels[-1])
sys.argv = ["pip", "install", "--no-compile", "--no-deps", "--no-index", "--no-cache-dir", wheels[-1]]
runpy.run_module("pip", run_name="__main__", alter_sys=True)
`

/** Makes the environment. @returns whether it has pip. */
export async function createEnvironment(context: BuildContext, python: string): Promise<boolean> {
  await context.remove(environmentFolder)
  const made = await context.capture(python, ['-m', 'venv', '--without-pip', environmentFolder])
  if (made.code !== 0)
    throw new BuildFailure(
      `Python cannot create a virtual environment here (${python} -m venv): install its module venv (Debian: python3-venv), or set BUILDPACK_URL.`,
    )
  const own = join(context.workspace.app, environmentFolder, 'bin', 'python')
  return (await context.capture(own, ['-c', installPip])).code === 0
}

/** Commands run in it: `python` and `pip` are its own. */
export function inEnvironment(context: BuildContext): Record<string, string> {
  const folder = join(context.workspace.app, environmentFolder)
  return { VIRTUAL_ENV: folder, PATH: `${join(folder, 'bin')}:${context.env.PATH}` }
}

/** After everything is installed. */
export async function finishEnvironment(context: BuildContext): Promise<void> {
  const { app } = context.workspace
  const own = join(app, environmentFolder, 'bin', 'python')
  await context.must('python', own, ['-c', makePortable, app, environmentFolder])
  // Without times and paths in it, so that the same source gives the same slug. pip itself is seldom used, and large.
  const mode = ['--invalidation-mode', 'unchecked-hash', '-s', app]
  const but = ['-x', '[/\\\\](pip|setuptools|pkg_resources)[/\\\\]']
  // Files for other versions of Python do not compile, and are not used.
  await context.capture(own, ['-m', 'compileall', '-q', ...mode, ...but, environmentFolder])
}
