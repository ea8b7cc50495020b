export const named = () => undefined;
