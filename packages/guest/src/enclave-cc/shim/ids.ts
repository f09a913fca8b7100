const ID = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,254}$/;

/** Ids of containers become folders: none may lead elsewhere. @throws RangeError */
export function checkId(id: string): string {
  if (!ID.test(id)) throw new RangeError(`${id.slice(0, 80)} is no container id`);
  return id;
}

/** Folder of an image: what the agent would refuse as an id must become no option of a mount, and lead nowhere. @throws RangeError */
export function checkFolder(name: string): string {
  if (name === '' || /[,:\\/\0]|^\.{1,2}$/.test(name))
    throw new RangeError(`${name.slice(0, 80)} is no name of an image's folder`);
  return name;
}
