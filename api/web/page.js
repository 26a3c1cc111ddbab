"use strict";
// Everything from documents enters the page as text, never as markup.

const form = document.getElementById("form");
const output = document.getElementById("answer");
const button = document.getElementById("ask");
const CONTEXT_CHARS = 300;

function element(tag, text, className) {
  const node = document.createElement(tag);
  if (text) node.textContent = text;
  if (className) node.className = className;
  return node;
}

async function call(path, body) {
  const headers = { "Content-Type": "application/json" };
  const key = document.getElementById("key").value;
  if (key) headers.Authorization = "Bearer " + key;
  const response = await fetch(path, body ? { method: "POST", headers, body: JSON.stringify(body) } : { headers });
  if (response.status === 401) document.getElementById("key-row").hidden = false;
  const value = await response.json();
  if (!response.ok) throw new Error(value.error.message + " " + value.error.hint);
  return value;
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

function show(answer) {
  output.replaceChildren();
  answer.sentences.forEach((sentence, number) => {
    for (const lean of sentence.leans_on) output.append(element("p", "(" + lean.citation.quote + ")", "facts"));
    output.append(said(sentence));
    for (const citation of sentence.citations) {
      const line = element("span", "", "place");
      const open = element("button", "[" + citation.marker + "] " + place(citation));
      open.type = "button";
      const holder = element("div");
      open.addEventListener("click", () => showAround(citation, holder).catch(fail));
      line.append(open);
      output.append(line, holder);
      if (!isQuoted(sentence)) output.append(element("blockquote", citation.quote)); // what was written, beside what it was checked against
    }
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
  output.replaceChildren(element("p", "…"));
  try {
    show(await call("/v1/answer", { question: document.getElementById("question").value }));
  } catch (error) {
    fail(error);
  } finally {
    button.disabled = false;
  }
});
