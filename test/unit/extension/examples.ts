/** A manifest with two actions, the second under the first's indentation. */
export const manifestText = `apiVersion: cloudstack.apache.org/v1
kind: OrchestratorExtension
metadata:
  name: tape-backup
  displayName: Tape Backup
  description: Backs machines up to tape.
  version: 1.2.0
  maintainer: Storage Team <storage@example.com>
source:
  type: git
  url: https://github.com/example/tape-backup
  refs: v1.2.0
spec:
  type: Orchestrator
  compatibility:
    cloudstack:
      minVersion: 4.23.0
  entrypoint:
    path: tape.py
    targetDir: /usr/share/cloudstack-management/extensions/tape-backup
  details:
    library: east
enabled: true
customActions:
  - name: WriteTape
    timeout: 600
    parameters:
      - name: label
        type: STRING
`;

/** The manifest with one text in place of another, which must be there. */
export function changed(from: string, to: string): string {
  if (!manifestText.includes(from)) throw new Error(`the manifest holds no ${from}`);
  return manifestText.replace(from, to);
}
