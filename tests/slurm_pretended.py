"""The programs of SLURM that submitit calls, as scripts that carry out an array on this machine."""

from __future__ import annotations

from pathlib import Path

PROGRAMS = {
    # Keeps the script that it is handed, and carries out its array if the test says so.
    "sbatch": """
number=$(( $(ls "$FAKE_SLURM" | grep -c '^script') + 101 ))
cp "$1" "$FAKE_SLURM/script-$number"
echo "Submitted batch job $number"
[ -e "$FAKE_SLURM/idle" ] && exit 0
last=$(sed -n 's/^#SBATCH --array=0-\\([0-9]*\\).*/\\1/p' "$1")
export SLURM_JOB_ID=$number SLURM_ARRAY_JOB_ID=$number SLURM_PROCID=0 SLURM_LOCALID=0 SLURM_NODEID=0
export SLURM_NTASKS=1 SLURM_JOB_NUM_NODES=1 SLURM_JOB_NODELIST=here
(
  for task in $(seq 0 "$last"); do
    SLURM_ARRAY_TASK_ID=$task bash "$FAKE_SLURM/script-$number"
    touch "$FAKE_SLURM/done-${number}_$task"
  done
) > "$FAKE_SLURM/out-$number" 2>&1 &
""",
    "srun": """
while [ "${1#--}" != "$1" ]; do
  case "$1" in --output|--error) shift 2 ;; *) shift ;; esac
done
exec "$@"
""",
    "sacct": """
echo "JobID|State|NodeList"
for script in "$FAKE_SLURM"/script-*; do
  number=${script##*-}
  for task in 0 1 2 3; do
    state=RUNNING
    [ -e "$FAKE_SLURM/done-${number}_$task" ] && state=COMPLETED
    echo "${number}_$task|$state|here"
  done
done
""",
    "scancel": "",
}


def install(folder: Path) -> Path:
    """Write the programs into a folder that a test puts before all others of ``PATH``."""
    programs = folder / "programs"
    programs.mkdir()
    for name, text in PROGRAMS.items():
        path = programs / name
        path.write_text(f"#!/bin/bash\n{text}")
        path.chmod(0o755)
    return programs
