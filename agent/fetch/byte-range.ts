/** Bytes of an object, from `start` up to and without `end`. */
export interface ByteRange {
  start: number;
  end: number;
}
