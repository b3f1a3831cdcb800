export const daySeconds = 24 * 3600;
export const dayMs = daySeconds * 1000;
