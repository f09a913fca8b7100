import { formatReference, type ImageReference, repositoryOf } from '../model/reference.js';

/** Full reference, repository, its parents, the host: most specific first. */
export function scopeParents(image: ImageReference): readonly string[] {
  const parts = repositoryOf(image).split('/');
  return [formatReference(image), ...parts.map((_, index) => parts.slice(0, parts.length - index).join('/'))];
}

/** `*.b.example`, `*.example` for a host `a.b.example:8443`: labels without the first, longest first. */
export function wildcardsOf({ registry }: ImageReference): readonly string[] {
  const labels = registry.replace(/:\d+$/, '').split('.');
  return labels.slice(1).map((_, index) => `*.${labels.slice(index + 1).join('.')}`);
}

/** The folder and those above it, without the root: most specific first. */
export function folderParents(folder: string): readonly string[] {
  const parts = folder.split('/').slice(1);
  return parts.map((_, index) => `/${parts.slice(0, parts.length - index).join('/')}`).filter((path) => path !== '/');
}

/** `/srv/images`: absolute, as a path is when all its links have been followed. */
export function isFolderScope(scope: string): boolean {
  return /^(?:\/[^/\0]+)+$/.test(scope) && !scope.split('/').some((part) => part === '.' || part === '..');
}
