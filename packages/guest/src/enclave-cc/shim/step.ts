/** What a shim does on its host, as data: nothing here does it. */
export type Step =
  | { readonly do: 'make-folder'; readonly path: string }
  | { readonly do: 'write'; readonly path: string; readonly content: string; readonly mode: number }
  | { readonly do: 'copy'; readonly from: string; readonly to: string }
  | { readonly do: 'mount'; readonly type: 'overlay'; readonly target: string; readonly options: readonly string[] }
  | { readonly do: 'unmount'; readonly target: string }
  | { readonly do: 'remove'; readonly path: string }
  /** A call of the OCI runtime; create takes the bundle. */
  | {
      readonly do: 'runtime';
      readonly call: 'create' | 'start' | 'kill' | 'delete';
      readonly id: string;
      readonly bundle?: string;
      readonly force?: true;
    }
  | { readonly do: 'pull'; readonly image: string; readonly containerId: string; readonly agentUrl: string };

/** A step as a person would type it. */
export function stepInWords(step: Step, runtime = 'runc'): string {
  switch (step.do) {
    case 'make-folder':
      return `mkdir -p ${step.path}`;
    case 'write':
      return `write ${step.path} (mode ${step.mode.toString(8).padStart(4, '0')}, ${step.content.length} bytes)`;
    case 'copy':
      return `cp ${step.from} ${step.to}`;
    case 'mount':
      return `mount -t ${step.type} ${step.type} -o ${step.options.join(',')} ${step.target}`;
    case 'unmount':
      return `umount ${step.target}`;
    case 'remove':
      return `rm -r ${step.path}`;
    case 'runtime': {
      const bundle = step.bundle === undefined ? '' : ` --bundle ${step.bundle}`;
      return `${runtime} ${step.call}${step.force === true ? ' --force' : ''}${bundle} ${step.id}`;
    }
    case 'pull':
      return `grpc.Image/PullImage at ${step.agentUrl}: ${step.image} as ${step.containerId}`;
  }
}
