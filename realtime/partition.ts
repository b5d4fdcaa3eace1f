// The partition of a channel, as Kafka's producers choose it from a message's key.

/** As the Java client does for a message with a key (`BuiltInPartitioner.partitionForKey`), and with it kafkajs. */
export const partitionOf = (channel: string, partitions: number): number =>
  (murmur2(Buffer.from(channel)) & 0x7fffffff) % partitions;

/** MurmurHash2, 32 bits, with Kafka's seed. */
function murmur2(bytes: Uint8Array): number {
  const m = 0x5bd1e995;
  let hash = 0x9747b28c ^ bytes.length;
  const whole = bytes.length & ~3;
  for (let index = 0; index < whole; index += 4) {
    let word =
      (bytes[index] ?? 0) |
      ((bytes[index + 1] ?? 0) << 8) |
      ((bytes[index + 2] ?? 0) << 16) |
      ((bytes[index + 3] ?? 0) << 24);
    word = Math.imul(word, m);
    word = Math.imul(word ^ (word >>> 24), m);
    hash = Math.imul(hash, m) ^ word;
  }
  const rest = bytes.length - whole;
  if (rest === 3) hash ^= (bytes[whole + 2] ?? 0) << 16;
  if (rest >= 2) hash ^= (bytes[whole + 1] ?? 0) << 8;
  if (rest >= 1) hash = Math.imul(hash ^ (bytes[whole] ?? 0), m);
  hash = Math.imul(hash ^ (hash >>> 13), m);
  return hash ^ (hash >>> 15);
}
