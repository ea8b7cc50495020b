/** Makes an error, or what makes one, that tells the way it came in words: the frames of the kernel's own loop would only cost time. */
export function withoutStack<E>(make: () => E): E {
  const { stackTraceLimit } = Error;
  try {
    Reflect.set(Error, "stackTraceLimit", 0);
    return make();
  } finally {
    Reflect.set(Error, "stackTraceLimit", stackTraceLimit);
  }
}
