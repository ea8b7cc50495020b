import { singleLines } from "./single.js";

/** So many managers, all of them here. It ends when the last of them has, with the first exit code that is not 0; `wait` returns before that when a signal comes. */
export function simpleLines(line: string, count: number): string {
  if (count === 1) return singleLines(line);
  return `_cw_managers=()
for (( _cw_index = 0; _cw_index < ${count}; _cw_index++ )); do
  CARAWAY_NODE_INDEX=$_cw_index ${line} &
  _cw_managers+=("$!")
done
_cw_status=0
for _cw_manager in "\${_cw_managers[@]}"; do
  while wait "$_cw_manager"; _cw_ended=$?; kill -0 "$_cw_manager" 2>/dev/null; do :; done
  (( _cw_status )) || _cw_status=$_cw_ended
done
(exit "$_cw_status")
`;
}
