// Attention weights as a table, with a column for each source token and a row for each token of the
// translation.

const HINT =
  'Attention weights of the tokens of the text (columns) for each token of the translation ' +
  '(rows). Point at a token, or tap it, to read its weights.';
const MOST_NAMED = 4;
const LEAST_NAMED = 0.05;
const LONGEST_UPRIGHT = 2; // Characters; column headings with longer tokens are rotated.

const BLANK = '␣';
const SPECIAL_PIECES = new Map([
  ['</s>', '⏎'],
  ['<unk>', '⁇'],
]);
const NAMES = new Map([
  [BLANK, 'space'],
  ['⏎', 'end of text'],
  ['⁇', 'unknown token'],
]);

/** A heat map that grows with the translation; a selected token highlights its weights. */
export class Heatmap {
  /**
   * @param {HTMLTableElement} table The table, with empty head and body.
   * @param {HTMLElement} caption Shows the highlighted weights in words.
   */
  constructor(table, caption) {
    Object.assign(this, {table, caption, head: table.tHead, body: table.tBodies[0]});
    this.clear([]);
    table.addEventListener('pointerover', ({target}) => this.light(pieceOf(target)));
    table.addEventListener('pointerleave', () => this.light(this.focused));
    table.addEventListener('focusin', ({target}) => this.focus(target));
    table.addEventListener('focusout', () => this.light(null));
    // A tap on a cell selects its row, and Safari does not focus a clicked button.
    table.addEventListener('click', ({target}) => pieceOf(target)?.focus());
    table.addEventListener('keydown', (event) => this.move(event));
  }

  /**
   * Shows a translation. Rows that are the same as in the previous one are kept.
   *
   * @param {import('./translate.js').Answer} answer
   */
  show({pieces, sourcePieces, attention}) {
    if (sourcePieces !== this.sourcePieces) this.clear(sourcePieces);
    const isKept = (row) =>
      this.attention[row] === attention[row] && this.pieces[row] === pieces[row];
    let row = 0;
    while (row < this.attention.length && isKept(row)) row++;
    while (this.body.rows.length > row) this.body.lastElementChild.remove();
    for (; row < attention.length; row++) this.body.append(makeRow(pieces[row], attention[row]));
    Object.assign(this, {pieces, attention});
    const isReachable = this.body.querySelector('[tabindex="0"]');
    if (!isReachable) makeReachable(this.body.querySelector('button'));
    this.light(this.lit?.isConnected ? this.lit : null);
  }

  clear(sourcePieces) {
    Object.assign(this, {sourcePieces, pieces: [], attention: [], lit: null});
    const row = document.createElement('tr');
    row.append(document.createElement('td'));
    row.append(...sourcePieces.map((piece) => makeHeader(piece, 'col')));
    this.head.replaceChildren(row);
    this.body.replaceChildren();
    makeReachable(row.querySelector('button'));
    const letters = Math.max(1, ...sourcePieces.map((piece) => [...shown(piece)].length));
    const isSideways = letters > LONGEST_UPRIGHT;
    this.table.classList.toggle('sideways', isSideways);
    this.table.style.setProperty('--letters', isSideways ? 1 : letters);
    this.table.style.setProperty('--columns', sourcePieces.length);
  }

  get focused() {
    return this.table.contains(document.activeElement) ? pieceOf(document.activeElement) : null;
  }

  focus(button) {
    makeReachable(button);
    this.light(button);
    button.ariaLabel = this.caption.textContent;
    this.brightestOf(button)?.scrollIntoView({block: 'nearest', inline: 'nearest'});
  }

  /** The cell of a token's largest weight; scrolling it into view shows its row and column. */
  brightestOf(button) {
    const header = button.closest('th');
    const weights = this.weightsOf(header);
    const place = weights.indexOf(Math.max(...weights));
    const isRow = header.scope === 'row';
    const row = isRow ? header.parentElement : this.body.rows[place];
    return row?.cells[isRow ? place + 1 : header.cellIndex];
  }

  /** Moves from token to token with the arrow keys. */
  move(event) {
    const button = this.focused;
    if (!button || event.ctrlKey || event.metaKey || event.altKey) return;
    const all = [...button.closest('thead, tbody').querySelectorAll('button')];
    const place = all.indexOf(button);
    const isRightToLeft = getComputedStyle(this.table).direction === 'rtl';
    const [before, after] = isRightToLeft ? ['Right', 'Left'] : ['Left', 'Right'];
    const next = {
      ArrowUp: place - 1,
      [`Arrow${before}`]: place - 1,
      ArrowDown: place + 1,
      [`Arrow${after}`]: place + 1,
      Home: 0,
      End: all.length - 1,
    }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    all[next]?.focus();
  }

  /** Highlights the weights of a row or column by its heading; null removes the highlight. */
  light(button) {
    this.lit?.closest('th').classList.remove('lit');
    this.lit = button;
    const header = button?.closest('th');
    header?.classList.add('lit');
    const others = {col: this.body, row: this.head}[header?.scope];
    const weights = button ? this.weightsOf(header) : [];
    for (const part of [this.head, this.body]) {
      for (const [place, other] of part.querySelectorAll('th').entries()) {
        other.style.setProperty('--weight', part === others ? weights[place] : 0);
      }
    }
    this.caption.textContent = button ? this.sentenceOf(header, weights) : HINT;
  }

  weightsOf(header) {
    const row = header.parentElement.sectionRowIndex;
    if (header.scope === 'row') return [...this.attention[row]];
    return this.attention.map((weights) => weights[header.cellIndex - 1]);
  }

  sentenceOf(header, weights) {
    const others = (header.scope === 'row' ? this.head : this.body).querySelectorAll('button');
    const verb = header.scope === 'row' ? 'attends to' : 'gets attention from';
    const found = [...weights.entries()]
      .filter(([, weight]) => weight >= LEAST_NAMED)
      .sort(([, a], [, b]) => b - a)
      .slice(0, MOST_NAMED)
      .map(([place, weight]) => `${nameOf(others[place])} ${percent(weight)}`);
    return `${nameOf(header)} ${verb}: ${found.join(', ') || 'no weight of 5\u00a0% or more'}`;
  }
}

/** The button in the heading that an element belongs to; for a cell, that of its row. */
function pieceOf(element) {
  const header = element.closest('th') ?? element.closest('tr')?.querySelector('th[scope=row]');
  return header?.querySelector('button') ?? null;
}

/** Makes one button of a line of headings reachable by Tab; arrow keys reach the others. */
function makeReachable(button) {
  const old = button?.closest('thead, tbody').querySelector('[tabindex="0"]');
  if (old) old.tabIndex = -1;
  if (button) button.tabIndex = 0;
}

function makeRow(piece, weights) {
  const row = document.createElement('tr');
  row.append(makeHeader(piece, 'row'));
  for (const weight of weights) {
    const cell = document.createElement('td');
    cell.textContent = percent(weight);
    cell.style.setProperty('--weight', weight);
    row.append(cell);
  }
  return row;
}

function makeHeader(piece, scope) {
  const text = document.createElement('bdi');
  text.textContent = shown(piece);
  text.classList.toggle('quiet', NAMES.has(text.textContent));
  const button = Object.assign(document.createElement('button'), {type: 'button', tabIndex: -1});
  button.ariaLabel = NAMES.get(text.textContent) ?? text.textContent;
  button.append(text);
  const header = document.createElement('th');
  header.scope = scope;
  header.append(button);
  return header;
}

/** The readable form of a token: without word boundary marks or invisible characters. */
function shown(piece) {
  const special = SPECIAL_PIECES.get(piece);
  if (special) return special;
  const text = piece.replace(/^[▁￭](?=.)|(?<=.)￭$/gu, '').replace(/[ ▁]/gu, BLANK);
  if (/^[\p{Cc}\p{Cf}\p{Z}\u{FE00}-\u{FE0F}]+$/u.test(text)) {
    return `U+${text.codePointAt(0).toString(16).toUpperCase().padStart(4, '0')}`;
  }
  return text.replace(/^\p{M}/u, '◌$&');
}

/** A token within a sentence, isolated from the sentence's writing direction. */
function nameOf({textContent}) {
  return `\u2068${NAMES.get(textContent) ?? `“${textContent}”`}\u2069`;
}

function percent(weight) {
  return `${Math.round(100 * weight)}\u00a0%`;
}
