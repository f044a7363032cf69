// Plays a video from a time: the file itself, else pieces of fragmented MP4 appended as they are needed.
import { get } from "./api.js";

const PIECE_S = 30, AHEAD_S = 40, BEHIND_S = 60, MAX_GAP_S = 1.5;

export class Player {
  constructor(video, onProblem) { Object.assign(this, { video, onProblem }); }

  async open(id, time, autoplay = true) {
    this.close();
    this.stopped = new AbortController();
    const { duration, sources, codecs } = await get(`/videos/${id}/playback`);
    for (const source of sources) {
      if (await this.try(id, source, time, duration)) {
        this.video.addEventListener("error", () => this.onProblem(`The film cannot be decoded: ${this.video.error.message}.`), { signal: this.stopped.signal });
        if (autoplay) this.video.play().catch(() => {});
        return true;
      }
    }
    this.onProblem(`Your browser plays none of: ${codecs}.`);
    return false;
  }
  close() {
    this.stopped?.abort();
    this.video.removeAttribute("src");
    this.video.load();
  }
  try(id, source, time, duration) {
    const { video } = this, { signal } = this.stopped;
    const isFile = source.kind === "file", Media = window.ManagedMediaSource ?? window.MediaSource;
    if (isFile ? !video.canPlayType(source.type) : !Media?.isTypeSupported(source.type)) return false;
    return new Promise((resolve) => {
      video.addEventListener("loadeddata", () => resolve(true), { once: true, signal });
      video.addEventListener("error", () => resolve(false), { once: true, signal });
      signal.addEventListener("abort", () => resolve(true));
      video.addEventListener("loadedmetadata", () => { video.currentTime = time; }, { once: true, signal });
      if (isFile) video.src = `/api/v1/videos/${id}/file`;
      else new Pieces(video, Media, id, source, time, duration, signal, (error) => {
        if (video.readyState) this.onProblem(`The film stops here: ${error.message}`);
        resolve(false);
      });
    });
  }
}

class Pieces {
  constructor(video, Media, id, source, time, duration, signal, onFailure) {
    Object.assign(this, { video, id, source, duration, signal, onFailure });
    this.media = new Media();
    video.disableRemotePlayback = true;
    video.src = URL.createObjectURL(this.media);
    this.media.addEventListener("sourceopen", () => {
      URL.revokeObjectURL(video.src);
      this.buffer = this.media.addSourceBuffer(source.type);
      this.media.duration = duration;
      this.load(time);
      video.addEventListener("seeking", () => { if (!this.bufferedRange(video.currentTime)[1]) this.load(video.currentTime); }, { signal });
      for (const name of ["timeupdate", "waiting", "progress"]) video.addEventListener(name, () => this.more(), { signal });
    }, { once: true });
  }

  bufferedRange(time, early = 0.1) {
    const { buffered } = this.video, ranges = [...Array(buffered.length).keys()];
    const range = ranges.find((i) => buffered.start(i) <= time + early && time < buffered.end(i));
    return range === undefined ? [0, 0] : [buffered.start(range), buffered.end(range)];
  }
  more() {
    const { video } = this, { currentTime } = video, [, end] = this.bufferedRange(currentTime);
    const [next] = this.bufferedRange(currentTime, MAX_GAP_S); // a film may begin late, or have a hole
    if (!end && next) video.currentTime = next + 0.01;
    if (!this.loading && !this.hasFailed && end && end - currentTime < AHEAD_S && end < this.duration - 0.5) this.load(end);
  }

  async load(start) {
    this.loading?.abort();
    const loading = this.loading = new AbortController();
    this.hasFailed = false;
    this.signal.addEventListener("abort", () => loading.abort(), { once: true });
    const end = Math.min(start + PIECE_S, this.duration);
    try {
      const query = new URLSearchParams({ start: start.toFixed(3), end: end.toFixed(3), kind: this.source.kind });
      const response = await fetch(`/api/v1/videos/${this.id}/piece.mp4?${query}`, { signal: loading.signal });
      if (!response.ok) throw new Error((await response.json()).error);
      if (this.media.readyState === "open") this.buffer.abort(); // drops the part of an interrupted piece
      await response.body.pipeTo(new WritableStream({ write: (bytes) => this.append(bytes) }), { signal: loading.signal });
      if (end >= this.duration - 0.5 && this.media.readyState === "open") this.media.endOfStream();
    } catch (error) {
      this.hasFailed = error.name !== "AbortError";
      if (this.hasFailed) this.onFailure(error);
    } finally {
      if (this.loading === loading) { this.loading = null; this.more(); }
    }
  }

  async append(bytes) {
    const { buffer, video } = this;
    const finish = (start) => new Promise((resolve, reject) => {
      Object.assign(buffer, { onupdateend: resolve, onerror: () => reject(new Error("The piece cannot be decoded.")) });
      start();
    });
    try {
      await finish(() => buffer.appendBuffer(bytes));
    } catch (error) {
      if (error.name !== "QuotaExceededError") throw error;
      await finish(() => buffer.remove(0, Math.max(0.1, video.currentTime - BEHIND_S)));
      await this.append(bytes);
    }
  }
}
