# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.

"""Time what the pipeline itself costs.

Without arguments: a recipe of fake stages, whose tools only sleep.

* no-op: `bake` of an unchanged recipe, wall clock, Python's start included
  (limit: 2 s);
* overhead: what a bake takes beyond its tools (limit: 5 % of them);
* memory: the most that our own process had (limit: 150 MB).

With a recipe that was baked in ``--state-dir``, the no-op of that; the look
at what the repositories offer is part of it, unless ``[cache] max_age`` says
that an earlier one will do.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from image_pipeline.testing import stages

PROGRAM = str(Path(sys.executable).with_name('image-pipeline'))
RECIPE = """\
version: 1
image: {name: fake}
stages:
  - fake-make: {program: [sleep, 'SECONDS']}
  - fake-convert: {program: [sleep, 'SECONDS']}
  - fake-check: {program: [sleep, 'SECONDS']}
"""
STEPS = 3


def run(
    *words: str, environ: dict[str, str]
) -> tuple[float, float, float, str]:
    """Return wall clock and CPU (s), most memory (MB) and the output."""
    with tempfile.TemporaryFile() as out:
        started = time.perf_counter()
        child = subprocess.Popen(
            [PROGRAM, *words],
            env=environ,
            stdout=out,
            stderr=subprocess.DEVNULL,
        )
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - started
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            sys.exit(f'{words} failed: {child.returncode}')
        out.seek(0)
        text = out.read().decode()
    cpu = usage.ru_utime + usage.ru_stime
    return seconds, cpu, usage.ru_maxrss / 1024, text


def noop(words: list[str], environ: dict[str, str], rounds: int) -> None:
    """Time bakes that have nothing to do."""
    times, cpus, most = [], [], 0.0
    for _ in range(rounds):
        seconds, cpu, memory, text = run(*words, '-f', 'json', environ=environ)
        if not json.loads(text)['unchanged']:
            sys.exit('the recipe is not unchanged: bake it first')
        times.append(seconds)
        cpus.append(cpu)
        most = max(most, memory)
    print(
        f'no-op bake: best {min(times):.2f} s, median '
        f'{statistics.median(times):.2f} s, worst {max(times):.2f} s, '
        f'CPU {statistics.median(cpus):.2f} s, '
        f'memory {most:.0f} MB (limits: 2 s, 150 MB)'
    )


def overhead(environ: dict[str, str], folder: Path, seconds: int) -> None:
    """Time a bake whose tools sleep for a known time."""
    recipe = folder / 'fake.yaml'
    recipe.write_text(RECIPE.replace('SECONDS', str(seconds)))
    words = ['--state-dir', str(folder / 'state'), 'bake', str(recipe)]
    wall, cpu, memory, _ = run(*words, '-f', 'json', environ=environ)
    tools = STEPS * seconds
    extra = wall - tools
    print(
        f'overhead: {extra:.2f} s beside {tools} s of tools = '
        f'{100 * extra / tools:.1f} % (limit: 5 %), CPU {cpu:.2f} s, '
        f'memory {memory:.0f} MB (limit: 150 MB)'
    )


def main() -> None:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('recipe', nargs='?')
    parser.add_argument('--state-dir')
    parser.add_argument('--until', help='as it was baked')
    parser.add_argument('--rounds', type=int, default=7)
    parser.add_argument(
        '--seconds', type=int, default=20, help='what each fake tool sleeps'
    )
    args = parser.parse_args()
    if args.recipe:
        place = ['--state-dir', args.state_dir] if args.state_dir else []
        words = [*place, 'bake', args.recipe]
        if args.until:
            words += ['--until', args.until]
        noop(words, dict(os.environ), args.rounds)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        environ = {**os.environ, **stages.install(folder / 'stages')}
        overhead(environ, folder, args.seconds)
        state = str(folder / 'state')
        recipe = str(folder / 'fake.yaml')
        noop(['--state-dir', state, 'bake', recipe], environ, args.rounds)


if __name__ == '__main__':
    main()
