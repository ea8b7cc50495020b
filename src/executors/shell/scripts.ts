/**
 * The two bash programs behind shell commands. Both are run by `bash -p`, so that no exported function or start-up file of the
 * user's environment changes what they do; the commands themselves are run by an ordinary bash.
 */

/**
 * Runs one command after the other, each in a process group of its own, all in the runner's session.
 *
 * A runner is small, so its `fork` is cheap however big the host has grown. In: `<length> <mark> <out>\n` and that many characters
 * of shell code, or `kill` (the host is ending the current command, and sees to its group). Out, on a named pipe that is the stderr
 * of the commands too: `<mark><pid>\n` at the start and `<mark><status>\n` after the last byte that the command wrote before it ended.
 * Out, on the runner's own stdout: `ready`, bash's notices on the job, which tell a signal from an `exit 137`, and `checked` after them
 * where the status is not 0. `wait` also returns when a command is stopped: then it is looked at again. Names begin with `_cw_`: an
 * assignment to a name that the environment has would reach the commands. The pipe is opened for both ways first, which never waits: a
 * runner whose host is gone before it opens the other end must come to the end of its input, and end.
 */
export const RUNNER_SCRIPT = `
exec 2>&1
if (( BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] < 402 )); then echo "bash $BASH_VERSION is older than 4.2"; exit 1; fi
set -m
_cw_err=$1.err _cw_out=$1.out
mkfifo -m 600 "$_cw_err" "$_cw_out" || exit 1
exec 4>/dev/null 5<>"$_cw_err" >"$_cw_err" 5>&-
echo ready >&2
while read -r _cw_length _cw_mark _cw_to; do
  [[ $_cw_length = kill ]] && continue
  read -r -N "$_cw_length" _cw_code || break
  if [[ $_cw_to = capture ]]; then _cw_to=$_cw_out; else _cw_to=/dev/null; fi
  ( eval "$_cw_code" ) </dev/null 2>&1 >"$_cw_to" 4>&- &
  echo "$_cw_mark$!"
  _cw_left=
  while wait "$!"; _cw_status=$?; (( _cw_status > 128 )) && kill -0 "$!" 2>&4; do
    read -r -t 0.1 _ && _cw_left=1
  done
  if [[ -z $_cw_left ]] && read -r -t 0; then read -r _; _cw_left=1; fi
  [[ -n $_cw_left ]] || kill -KILL -- "-$!" 2>&4
  echo "$_cw_mark$_cw_status"
  if (( _cw_status )); then { jobs -l; echo checked; } >&2; fi
done
`;

/**
 * Outlives its host just long enough to end what the host had started. In: `+<pid>` and `-<pid>` of runners. When its input ends
 * (the host closed it, or is gone by any death) it kills the runners, then everything in their sessions and everything whose
 * environment carries the host's token, again and again until nothing is left, and removes the host's directory.
 */
export const GUARDIAN_SCRIPT = `
trap '' HUP INT QUIT TERM
_token=$1 _directory=$2
declare -A _sessions
while read -r _line; do
  case $_line in
    +*) _sessions[\${_line#+}]=1 ;;
    -*) unset "_sessions[\${_line#-}]" ;;
  esac
done
exec 2>/dev/null
for _pid in "\${!_sessions[@]}"; do kill -KILL "$_pid"; done
for (( _round = 0; _round < 100; _round++ )); do
  _found=()
  for _stat in /proc/[0-9]*/stat; do
    read -r -d '' _line <"$_stat"
    [[ -n $_line ]] || continue
    _pid=\${_line%% *}
    set -- \${_line##*) }
    [[ $1 = [ZX] ]] || [[ -z \${_sessions[\${4:-0}]} ]] || _found+=("$_pid")
  done
  for _stat in $(LC_ALL=C grep -lsF -- "$_token" /proc/[0-9]*/environ); do
    _stat=\${_stat#/proc/}
    _found+=("\${_stat%/environ}")
  done
  (( \${#_found[@]} > 0 )) || break
  kill -KILL "\${_found[@]}"
  sleep 0.02
done
rm -rf -- "$_directory"
`;
