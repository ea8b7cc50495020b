/**
 * The process that a local job lives under, in a session of its own: `bash -p -c … caraway-job <stem> <name> <walltime> <grace>`, seconds.
 * It needs nobody: it starts the job's script in a process group, ends it (TERM, and KILL after the grace) when it is itself told to end or
 * the walltime is over, ends whatever else carries the job's name in its environment, wherever that has gone, and only then writes the exit
 * code down, under a private name and by rename. Names begin with `_cw_`: an assignment to a name that the environment has would reach
 * the job. `wait` also returns when a signal came, with that in the place of the code, and when the job was stopped: then it is looked at again.
 * The code of one that has ended in the same moment is got once more; where it had been told already, bash waits for whatever else it has
 * started, so nothing else is left then.
 */
export const WATCHER_SCRIPT = `
exec 2>/dev/null
trap '' HUP INT QUIT
set -m
_cw_stem=$1 _cw_name=$2 _cw_walltime=$3 _cw_grace=$4 _cw_ending= _cw_child= _cw_killer= _cw_timer=
_cw_end() {
  _cw_again=1
  [[ -n $_cw_ending ]] || _cw_ending=$1
  [[ -n $_cw_child && -z $_cw_killer ]] || return
  { sleep "$_cw_grace"; kill -KILL -- "-$_cw_child"; } &
  _cw_killer=$!
  kill -TERM -- "-$_cw_child"
  kill -CONT -- "-$_cw_child"
}
trap '_cw_end cancelled' TERM
trap '_cw_end timed-out' USR1
if [[ -z $_cw_ending ]]; then
  /bin/bash "$_cw_stem.sh" </dev/null >>"$_cw_stem.out" 2>>"$_cw_stem.err" &
  _cw_child=$!
  if [[ $_cw_walltime != 0 ]]; then
    { sleep "$_cw_walltime"; kill -USR1 $$; } &
    _cw_timer=$!
  fi
  [[ -z $_cw_ending ]] || _cw_end "$_cw_ending"
  while _cw_again=; wait "$_cw_child"; _cw_code=$?; (( _cw_code > 128 )); do
    if kill -0 "$_cw_child"; then
      [[ -n $_cw_again ]] || sleep 0.1
      continue
    fi
    [[ -n $_cw_again ]] || break
    for _cw_left in $_cw_killer $_cw_timer; do kill -KILL -- "-$_cw_left"; done
    _cw_told=$_cw_code
    wait "$_cw_child"
    _cw_code=$?
    (( _cw_code >= 0 && _cw_code != 127 )) || _cw_code=$_cw_told
    break
  done
fi
trap '' TERM USR1
for _cw_left in $_cw_child $_cw_killer $_cw_timer; do kill -KILL -- "-$_cw_left"; done
for (( _cw_round = 0; _cw_round < 100; _cw_round++ )); do
  _cw_found=
  for _cw_left in $(LC_ALL=C grep -lszE -- "^CARAWAY_JOB=([^:]*:)*\${_cw_name//./\\\\.}(:|$)" /proc/[0-9]*/environ); do
    _cw_left=\${_cw_left#/proc/}
    _cw_left=\${_cw_left%/environ}
    [[ $_cw_left = $$ ]] || { kill -KILL "$_cw_left" && _cw_found=1; }
  done
  [[ -n $_cw_found ]] || break
  sleep 0.02
done
umask 077
printf '%s %s\\n' "\${_cw_code:-143}" "\${_cw_ending:--}" >"$_cw_stem.exit.new" && mv -f -- "$_cw_stem.exit.new" "$_cw_stem.exit"
`;
