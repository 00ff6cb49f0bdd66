// Byte-level BPE as a tokenizer.json of `tokenizers` describes it: lower case, GPT-2's words, merges by rank.

// GPT-2's own expression, which ByteLevel of `tokenizers` has built in.
const WORDS = /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu;

/** Characters that stand for bytes: printable ones for themselves, the others for 256, 257, ... */
function bytesAsCharacters() {
  const printable = (byte) => (byte > 32 && byte < 127) || (byte > 160 && byte !== 173);
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(printable(byte) ? byte : next++));
}

/**
 * Reads the text of a tokenizer.json.
 * @returns {(text: string) => number[]} text -> ids, special tokens in the text among them.
 * @throws {Error} if it is of another kind.
 */
export function tokenizerOf(json) {
  const { model, normalizer, pre_tokenizer: words, added_tokens: added } = JSON.parse(json);
  if (model.type !== "BPE" || normalizer?.type !== "Lowercase" || words?.type !== "ByteLevel") {
    throw new Error("this page knows byte-level BPE in lower case only");
  }
  const characters = bytesAsCharacters();
  const ranks = new Map(model.merges.map((pair, rank) => [Array.isArray(pair) ? pair.join(" ") : pair, rank]));
  const special = new Map(added.map((one) => [one.content, one.id]));
  const escaped = [...special.keys()].map((one) => one.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  const borders = new RegExp(`(${escaped.join("|")})`, "u");

  const merge = (parts) => {
    for (;;) {
      let [best, place] = [Infinity, -1];
      for (let i = 0; i + 1 < parts.length; i++) {
        const rank = ranks.get(`${parts[i]} ${parts[i + 1]}`) ?? Infinity;
        if (rank < best) [best, place] = [rank, i];
      }
      if (place < 0) return parts;
      parts.splice(place, 2, parts[place] + parts[place + 1]);
    }
  };
  const encodePiece = (piece) => {
    const lower = Array.from(piece, (one) => one.toLowerCase()).join(""); // each alone, or a last sigma would differ
    const text = words.add_prefix_space && !lower.startsWith(" ") ? ` ${lower}` : lower;
    const found = [];
    for (const [word] of text.matchAll(WORDS)) {
      const symbols = Array.from(new TextEncoder().encode(word), (byte) => characters[byte]);
      found.push(...merge(symbols).map((symbol) => model.vocab[symbol]));
    }
    return found;
  };
  return (text) =>
    text
      .split(borders)
      .filter((piece) => piece !== "")
      .flatMap((piece) => (special.has(piece) ? [special.get(piece)] : encodePiece(piece)));
}
