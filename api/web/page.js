"use strict";
// Everything from documents enters the page as text, never as markup.

const form = document.getElementById("form");
const output = document.getElementById("answer");
const button = document.getElementById("ask");
const CONTEXT_CHARS = 300;
const STAGES = { open: "opening", bm25: "searching", dense: "searching", rerank: "reading", weigh: "weighing", generate: "answering", verify: "checking", rewrite: "writing again" };

function element(tag, text, className) {
  const node = document.createElement(tag);
  if (text) node.textContent = text;
  if (className) node.className = className;
  return node;
}

async function send(path, body) {
  const headers = { "Content-Type": "application/json" };
  const key = document.getElementById("key").value;
  if (key) headers.Authorization = "Bearer " + key;
  const response = await fetch(path, body ? { method: "POST", headers, body: JSON.stringify(body) } : { headers });
  if (response.status === 401) document.getElementById("key-row").hidden = false;
  if (!response.ok) throw problem(await response.json());
  return response;
}

function problem(told) {
  return new Error(told.error.message + " " + told.error.hint);
}

async function call(path) {
  return (await send(path)).json();
}

// The events of a stream (server-sent events, one line of data each), as they come.
async function* events(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const blocks = (rest + value).split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const fields = Object.fromEntries(block.split("\n").map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()]));
      yield { kind: fields.event, told: JSON.parse(fields.data) };
    }
  }
}

async function ask(question) {
  const state = element("p", "…", "facts");
  output.replaceChildren(state);
  for await (const { kind, told } of events(await send("/v1/answer/stream", { question }))) {
    if (kind === "error") throw problem(told);
    if (kind === "stage") state.textContent = (STAGES[told.stage] || told.stage) + " …";
    if (kind === "sentence") {
      const box = element("div", "", told.checked ? "" : "unchecked");
      showSentence(told, box);
      state.before(box);
    }
    if (kind === "answer") return show(told);
  }
  throw new Error("The connection broke off before the answer was whole. Ask again.");
}

function place(citation) {
  if (citation.page) return citation.uri + ", page " + citation.page;
  return citation.place ? citation.uri + ", " + citation.place : citation.uri;
}

async function showAround(citation, holder) {
  const start = Math.max(0, citation.start_char - CONTEXT_CHARS);
  const path = "/v1/documents/" + encodeURIComponent(citation.doc_id) + "/text?version=" + encodeURIComponent(citation.version);
  const part = await call(path + "&start=" + start + "&end=" + (citation.end_char + CONTEXT_CHARS));
  const characters = Array.from(part.text); // offsets count code points
  const box = element("div", "", "around");
  const from = citation.start_char - start;
  const to = citation.end_char - start;
  box.append(characters.slice(0, from).join(""), element("mark", characters.slice(from, to).join("")), characters.slice(to).join(""));
  holder.replaceWith(box);
}

function isQuoted(sentence) {
  return sentence.citations.map((citation) => citation.quote).join(" ").includes(sentence.text);
}

function said(sentence) {
  const box = element(isQuoted(sentence) ? "blockquote" : "p");
  if (!sentence.highlight) {
    box.append(sentence.text);
    return box;
  }
  const characters = Array.from(sentence.text); // offsets count code points
  const [from, to] = sentence.highlight;
  box.append(characters.slice(0, from).join(""), element("mark", characters.slice(from, to).join("")), characters.slice(to).join(""));
  return box;
}

function showSentence(sentence, into) {
  if (sentence.columns) into.append(element("p", "(" + sentence.columns + ")", "facts"));
  for (const lean of sentence.leans_on) into.append(element("p", "(" + lean.citation.quote + ")", "facts"));
  into.append(said(sentence));
  for (const citation of sentence.citations) {
    const line = element("span", "", "place");
    const open = element("button", "[" + citation.marker + "] " + place(citation));
    open.type = "button";
    const holder = element("div");
    open.addEventListener("click", () => showAround(citation, holder).catch(fail));
    line.append(open);
    into.append(line, holder);
    if (!isQuoted(sentence)) into.append(element("blockquote", citation.quote)); // what was written, beside what it was checked against
  }
}

function show(answer) {
  output.replaceChildren();
  answer.sentences.forEach((sentence, number) => {
    showSentence(sentence, output);
    for (const conflict of answer.conflicts.filter((one) => one.sentence === number)) {
      output.append(element("p", "But " + place(conflict.citation) + " says: “" + conflict.citation.quote + "”", "told"));
    }
  });
  if (answer.status !== "abstained") {
    for (const old of answer.superseded) {
      output.append(element("p", old.newer_uri + " speaks; the older " + old.older_uri + " was left aside.", "told"));
    }
  }
  for (const part of answer.missing) output.append(element("p", "The documents do not say: " + part, "told"));
  if (answer.status === "abstained") {
    output.append(element("p", answer.text));
    if (answer.looked_for.length) output.append(element("p", "Looked for: " + answer.looked_for.join(", "), "facts"));
    for (const near of answer.nearest) output.append(element("span", "nearest: " + place(near), "place"));
  }
  const wrote = answer.route === "extractive" ? "" : " · written by " + answer.route;
  output.append(element("p", answer.status + wrote + " · evidence " + answer.sufficiency.toFixed(2) + (answer.uncalibrated ? ", uncalibrated" : "") + " (threshold " + answer.threshold.toFixed(2) +
    ") · " + Math.round(answer.timings_ms.total) + " ms · generation " + answer.generation, "facts"));
}

function fail(error) {
  output.replaceChildren(element("p", error.message, "error"));
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  button.disabled = true;
  try {
    await ask(document.getElementById("question").value);
  } catch (error) {
    fail(error);
  } finally {
    button.disabled = false;
  }
});
